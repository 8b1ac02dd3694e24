/* SPDX-License-Identifier: ISC */
/*
 * No sandbox, chosen by name with `make SANDBOX=none` and by SAN=1, whose
 * runtimes do what no filter allows.  It says so in the log and in
 * `ocmctl status`.  The user still changes where ocmd runs as root; the
 * chroot does not, since the sanitizers read /proc when they report.
 */
#include <stddef.h>

#include "log.h"
#include "privdrop.h"
#include "sandbox.h"

uint32_t
sandbox_enter(const struct sandbox *sb)
{
	uint32_t layers = LAYER_NONE;

	if (sb->drop) {
		if (privdrop(NULL, sb->uid, sb->gid) == -1)
			fatal("cannot become uid %u", (unsigned)sb->uid);
		layers |= LAYER_UID;
	}
	log_debug("built with SANDBOX=none: no sandbox");
	return layers;
}
