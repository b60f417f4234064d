/* SPDX-License-Identifier: MIT */
/* Runs a target with files and the files of folders, without libFuzzer. Each
 * must be readable, and there must be at least one. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define REPLAY__SIZE_MAX 65536

static uint32_t file_count;

static void replay__file(const char* path) {
  static uint8_t data[REPLAY__SIZE_MAX];
  FILE* file = fopen(path, "rb");
  FUZZ_CHECK(file != NULL);
  size_t size = fread(data, 1, sizeof data, file);
  FUZZ_CHECK(feof(file) && !ferror(file));
  fclose(file);
  /* Before it runs, as it may crash. */
  printf("%s\n", path);
  fflush(stdout);
  LLVMFuzzerTestOneInput(data, size);
  file_count++;
}

static void replay__folder(const char* path) {
  char name[4096];
  DIR* folder = opendir(path);
  FUZZ_CHECK(folder != NULL);
  struct dirent* entry;
  while ((entry = readdir(folder)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    FUZZ_CHECK(length > 0 && (size_t)length < sizeof name);
    replay__file(name);
  }
  closedir(folder);
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    struct stat status;
    FUZZ_IS(stat(argv[i], &status), 0);
    if (S_ISDIR(status.st_mode))
      replay__folder(argv[i]);
    else
      replay__file(argv[i]);
  }
  printf("%u inputs\n", file_count);
  return file_count == 0;
}
