/* SPDX-License-Identifier: ISC */
/*
 * The filter as a program (see program.h).  It is had in the same way as the
 * roles load it: seccomp_enter runs, and what it would load is written down.
 */
#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>

#include "common/sandbox_linux.h"
#include "program.h"

enum { CODE_MAX = 4096, BRANCHES_MAX = 1 << 20 };

static struct sock_filter code[CODE_MAX];
static unsigned code_len, branches;
static int export_fd = -1;

/* In the way of the library's: what would be loaded is written down. */
int
seccomp_load(scmp_filter_ctx ctx)
{
	return seccomp_export_bpf(ctx, export_fd);
}

void
program_get(unsigned caps, bool strict)
{
	FILE *f = tmpfile();
	size_t n;

	if (f == NULL)
		err(1, "tmpfile");
	export_fd = fileno(f);
	if (seccomp_enter(caps, strict) == -1)
		err(1, "seccomp_enter");
	rewind(f);
	n = fread(code, sizeof(code[0]), CODE_MAX, f);
	if (ferror(f) || n == 0 || n == CODE_MAX)
		errx(1, "no program, or one too long");
	code_len = (unsigned)n;
	(void)fclose(f);
}

/* What a word of the call is: known, or any (it is an argument's). */
struct value {
	bool		known;
	uint32_t	v;
};

static struct value
load(uint32_t at, uint32_t arch, uint32_t nr, const uint64_t *args)
{
	struct value any = { false, 0 }, is = { true, 0 };
	uint64_t arg;

	if (at == offsetof(struct seccomp_data, nr))
		is.v = nr;
	else if (at == offsetof(struct seccomp_data, arch))
		is.v = arch;
	else if (at < offsetof(struct seccomp_data, args) || args == NULL)
		return any;
	else {
		at -= (uint32_t)offsetof(struct seccomp_data, args);
		arg = args[at / 8];
		is.v = (uint32_t)(at % 8 == 0 ? arg : arg >> 32);
	}
	return is;
}

static bool
compare(unsigned op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return (a & k) != 0;
	default:
		errx(1, "jump %#x", op);
	}
}

static unsigned
kind(uint32_t answer)
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return PROGRAM_ALLOWS;
	case SECCOMP_RET_ERRNO:
		return PROGRAM_FAILS;
	case SECCOMP_RET_KILL_PROCESS:
		return PROGRAM_KILLS;
	default:
		return PROGRAM_OTHER;
	}
}

/*
 * The answers from instruction pc on; args == NULL: every branch on an
 * argument is taken both ways.
 */
static unsigned
walk(unsigned pc, struct value a, uint32_t arch, uint32_t nr,
    const uint64_t *args)
{
	const struct sock_filter *i;

	for (; pc < code_len; pc++) {
		i = &code[pc];
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			a = load(i->k, arch, nr, args);
			break;
		case BPF_ALU:
			if (BPF_OP(i->code) != BPF_AND)
				errx(1, "operation %#x", i->code);
			a.v &= i->k;
			break;
		case BPF_RET:
			return kind(i->k);
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA) {
				pc += i->k;
				break;
			}
			if (a.known) {
				pc += compare(BPF_OP(i->code), a.v, i->k) ?
				    i->jt : i->jf;
				break;
			}
			if (++branches > BRANCHES_MAX)
				errx(1, "too many branches");
			return walk(pc + 1 + i->jt, a, arch, nr, args) |
			    walk(pc + 1 + i->jf, a, arch, nr, args);
		default:
			errx(1, "instruction %#x", i->code);
		}
	}
	errx(1, "the program runs off its end");
}

unsigned
program_answers(uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	const struct value zero = { true, 0 };

	branches = 0;
	return walk(0, zero, arch, nr, args);
}
