/* SPDX-License-Identifier: ISC */
/*
 * The names of the sandbox layers: one list for every platform, so that
 * `ocmctl status` of any build can show what any other reports.  Used by
 * ocmd's status and by the tests.
 */
#include "sandbox.h"

static const char *const layer_names[LAYER_COUNT] = {
	"namespaces",
	"chroot",
	"uid",
	"dumpable",
	"deathsig",
	"rlimits",
	"landlock",
	"no-new-privs",
	"seccomp",
	"pledge",
	"unveil",
	"none",
	"capabilities",
	"strict",
};

const char *
sandbox_layer_name(unsigned bit_number)
{
	if (bit_number >= LAYER_COUNT)
		return "unknown";
	return layer_names[bit_number];
}
