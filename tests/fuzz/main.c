/* SPDX-License-Identifier: GPL-3.0-or-later
 * Replays files through a fuzz target in an ordinary build: each argument is a file or a folder of files. Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        printf("not ok %d - %s cannot be read\n", ++n, path);
        return;
    }
    size_t cap = 1 << 20, len = 0;
    unsigned char *p = malloc(cap);
    if (p)
        len = fread(p, 1, cap, f);
    fclose(f);
    /* an exact allocation lets the address sanitizer see one byte too far */
    unsigned char *q = malloc(len ? len : 1);
    if (p && q) {
        memcpy(q, p, len);
        (void)LLVMFuzzerTestOneInput(q, len);
        printf("ok %d - %s\n", ++n, path);
    }
    free(p);
    free(q);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            DIR *d = opendir(argv[i]);
            for (struct dirent *e; d && (e = readdir(d));) {
                char path[4096];
                if (e->d_name[0] == '.')
                    continue;
                snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
                replay_file(path);
            }
            if (d)
                closedir(d);
        } else {
            replay_file(argv[i]);
        }
    }
    printf("1..%d\n", n);
    return 0;
}
