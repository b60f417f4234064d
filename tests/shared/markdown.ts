// Copyright the iocp authors. MIT license.
/* Finds the code, links and headings of a Markdown document. */

/** A fenced block of code. */
export interface CodeBlock {
  /** The line number of the opening fence, from 1. */
  line: number;
  /** The words after the opening fence: `["ts", "server"]`. */
  info: string[];
  code: string;
}

/** The fenced blocks of a document, in order. */
export function codeBlocksOf(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(.+)\n([^]*?)^```$/gm)].map((match) => ({
    line: text.slice(0, match.index).split("\n").length,
    info: match[1]!.trim().split(/\s+/),
    code: match[2]!,
  }));
}

/** The document without its code, fenced or not. */
function proseOf(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, "").replace(/`[^`]*`/g, "``");
}

/** The targets of the links of a document. */
export function linksOf(text: string): string[] {
  const prose = proseOf(text);
  const inline = prose.matchAll(/\]\(([^)\s]+)\)/g);
  const references = prose.matchAll(/^\[[^\]]+\]: (\S+)/gm);
  return [...inline, ...references].map(([, target]) => target!);
}

/** The URL fragments of the headings of a document, as GitHub makes them. */
export function fragmentsOf(text: string): string[] {
  const outside = text.replace(/^```[^]*?^```$/gm, "");
  return [...outside.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  );
}
