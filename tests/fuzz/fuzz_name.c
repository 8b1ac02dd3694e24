/* SPDX-License-Identifier: ISC */
/* UTF-8 and harmless text: what is shown is whole, bounded and printable. */
#include <string.h>

#include "fuzz.h"
#include "name.h"
#include "wire.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	size_t cap = 8 * len + 1, n, cut = len / 2 + 1, i;
	char *out = malloc(cap), *small = malloc(cut);

	MUST(out != NULL && small != NULL);
	MUST(!name_valid(p, len) || utf8_valid(p, len));
	n = text_harmless(out, cap, p, len);
	MUST(n < cap && out[n] == '\0' && strlen(out) == n);
	MUST(utf8_valid(out, n));
	for (i = 0; i < n; i++)
		MUST((uint8_t)out[i] >= 0x20 || out[i] == '\t');
	/* Harmless text stays as it is, and less room cuts it shorter. */
	MUST(n >= len || !utf8_valid(p, len));
	n = text_harmless(small, cut, p, len);
	MUST(n < cut && memcmp(small, out, n) == 0 && utf8_valid(small, n));
	n = utf8_mend(out, 3 * len, p, len, true);
	MUST(utf8_valid(out, n) && (n != len || memcmp(out, p, n) == 0));
	n = utf8_mend(small, cut, p, len, false);
	MUST(n <= cut && (n == 0 || n > NAME_MAX_BYTES ||
	    name_valid(small, n)));
	free(out);
	free(small);
	return 0;
}
