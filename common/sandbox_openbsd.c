/* SPDX-License-Identifier: ISC */
/*
 * The sandbox on OpenBSD: own user and empty root, limits, a locked unveil,
 * then pledge.  "inet" leaves a captured child socket(2) and connect(2),
 * which the Linux filter does not: README says what to tell pf about it.
 */
#include <sys/types.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <stddef.h>
#include <unistd.h>

#include "log.h"
#include "privdrop.h"
#include "sandbox.h"

/*
 * ocmd: reload and log files, its control socket, handing ocmctl's
 * connection to roomd, starting and ending children of other users.
 */
#define PROMISES_SUPERVISE \
	"stdio rpath wpath cpath fattr inet unix sendfd proc exec id"
#define PROMISES_CHILD		"stdio inet"
#define PROMISES_CHILD_FD	"stdio inet recvfd"

static const char *
promises(unsigned caps)
{
	if (caps & SANDBOX_SUPERVISE)
		return PROMISES_SUPERVISE;
	return (caps & SANDBOX_RECV_FD) ? PROMISES_CHILD_FD : PROMISES_CHILD;
}

static void
limit(int resource, const char *name)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(resource, &none) == -1)
		fatal("setrlimit %s", name);
}

static uint32_t
close_files(void)
{
	limit(RLIMIT_FSIZE, "FSIZE");
	limit(RLIMIT_NPROC, "NPROC");
	if (unveil("/", "") == -1 || unveil(NULL, NULL) == -1)
		fatal("unveil");
	return LAYER_UNVEIL;
}

uint32_t
sandbox_enter(const struct sandbox *sb)
{
	uint32_t layers = 0;

	if (sb->drop) {
		if (privdrop(sb->empty_dir, sb->uid, sb->gid) == -1)
			fatal("cannot enter %s as uid %u", sb->empty_dir,
			    (unsigned)sb->uid);
		layers |= LAYER_CHROOT | LAYER_UID;
	}
	limit(RLIMIT_CORE, "CORE");
	layers |= LAYER_RLIMITS;
	if (!(sb->caps & SANDBOX_SUPERVISE))
		layers |= close_files();
	if (pledge(promises(sb->caps), NULL) == -1)
		fatal("pledge");
	return layers | LAYER_PLEDGE;
}
