/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <string.h>

#include "print.h"

/* ---- the system */

typedef LONG(NTAPI* report__get_version)(OSVERSIONINFOW*);
typedef const char*(__cdecl* report__wine_version)(void);

static FARPROC report__function(const char* name) {
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  return ntdll == NULL ? NULL : GetProcAddress(ntdll, name);
}

const char* report_system(void) {
  static char text[96];
  report__get_version get_version;
  report__wine_version wine_version;
  OSVERSIONINFOW version;
  memset(&version, 0, sizeof version);
  version.dwOSVersionInfoSize = sizeof version;
  FARPROC function = report__function("RtlGetVersion");
  memcpy(&get_version, &function, sizeof function);
  /* GetVersionEx() depends on the program's manifest. */
  if (get_version != NULL) get_version(&version);
  function = report__function("wine_get_version");
  memcpy(&wine_version, &function, sizeof function);
  print_into(text,
             sizeof text,
             "%s%s%sWindows %lu.%lu.%lu",
             wine_version == NULL ? "" : "Wine ",
             wine_version == NULL ? "" : wine_version(),
             wine_version == NULL ? "" : " as ",
             version.dwMajorVersion,
             version.dwMinorVersion,
             version.dwBuildNumber);
  return text;
}

/* ---- the words of a row */

static bool report__is_same(const struct experiment* experiment,
                            const struct result* result) {
  return result->end == CHILD_ANSWERED &&
         experiment_agrees(experiment->model, result->answer);
}

static const char* report__verdict(const struct experiment* experiment,
                                   const struct result* result) {
  const char* documented = experiment->documented;
  if (result->end == CHILD_NOT_ASKED) return "not asked";
  if (report__is_same(experiment, result)) return "yes";
  if (documented == NULL) return "no; not documented";
  if (experiment_agrees(documented, result->answer))
    return "no; the documentation agrees with the system";
  if (experiment_overlaps(experiment->model, documented))
    return "no; the documentation agrees with the model";
  return "no; the documentation agrees with neither";
}

void summary_add(struct summary* summary,
                 const struct experiment* experiment,
                 const struct result* result) {
  summary->asked++;
  if (result->end == CHILD_NOT_ASKED)
    summary->not_asked++;
  else if (report__is_same(experiment, result))
    summary->same++;
  else
    summary->different++;
}

/* ---- Markdown */

void report_theme(HANDLE file, const struct theme* theme) {
  print(file,
        "\n### %s\n\n"
        "| Rule | Model | Seen | Same? | Source |\n"
        "| - | - | - | - | - |\n",
        theme->title);
}

void report_row(HANDLE file,
                const struct experiment* experiment,
                const struct result* result) {
  bool has_detail = result->detail[0] != '\0';
  print(file,
        "| %s | %s | %s%s%s%s | %s | %s |\n",
        experiment->rule,
        experiment->model,
        result->answer,
        has_detail ? " (" : "",
        result->detail,
        has_detail ? ")" : "",
        report__verdict(experiment, result),
        experiment->source);
}

void report_summary(HANDLE file, const struct summary* summary) {
  print(file,
        "\n%s: of %u rules, %u are as in the model, %u are not, "
        "and %u could not be asked.\n",
        report_system(),
        summary->asked,
        summary->same,
        summary->different,
        summary->not_asked);
}

/* ---- JSON */

static void report__json_text(HANDLE file, const char* name, const char* text) {
  char escaped[512];
  size_t length = 0;
  if (text == NULL) {
    print(file, "\"%s\": null", name);
    return;
  }
  for (; *text != '\0' && length + 2 < sizeof escaped; text++) {
    if (*text == '"' || *text == '\\') escaped[length++] = '\\';
    escaped[length++] = (unsigned char)*text < ' ' ? ' ' : *text;
  }
  escaped[length] = '\0';
  print(file, "\"%s\": \"%s\"", name, escaped);
}

void report_json_open(HANDLE file) {
  print(file, "{\n  ");
  report__json_text(file, "system", report_system());
  print(file, ",\n  \"experiments\": [");
}

void report_json_row(HANDLE file,
                     const struct theme* theme,
                     const struct experiment* experiment,
                     const struct result* result,
                     bool is_first) {
  static const char* const ends[] = {
      "answered", "not asked", "hung", "crashed"};
  const char* texts[][2] = {
      {"name", experiment->name},
      {"theme", theme->title},
      {"rule", experiment->rule},
      {"model", experiment->model},
      {"documented", experiment->documented},
      {"source", experiment->source},
      {"end", ends[result->end]},
      {"seen", result->answer},
      {"detail", result->detail},
      {"verdict", report__verdict(experiment, result)},
  };
  print(file, "%s\n    {", is_first ? "" : ",");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    report__json_text(file, texts[i][0], texts[i][1]);
    print(file, ", ");
  }
  print(file,
        "\"same\": %s, \"ms\": %lu}",
        report__is_same(experiment, result) ? "true" : "false",
        result->took_ms);
}

void report_json_close(HANDLE file, const struct summary* summary) {
  print(file,
        "\n  ],\n  \"asked\": %u,\n  \"same\": %u,\n  \"different\": %u,\n"
        "  \"notAsked\": %u\n}\n",
        summary->asked,
        summary->same,
        summary->different,
        summary->not_asked);
}
