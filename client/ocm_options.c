/* SPDX-License-Identifier: ISC */
/*
 * The command line and the environment.  Called by main.
 */
#include <sys/types.h>

#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "name.h"
#include "ocm_options.h"

enum {
	LONG_PASSWORD_FILE = 256,
	LONG_JSON,
	LONG_TIMEOUT,
	LONG_RETRY,
};

static const struct option long_options[] = {
	{ "server", required_argument, NULL, 's' },
	{ "name", required_argument, NULL, 'n' },
	{ "password", no_argument, NULL, 'P' },
	{ "password-file", required_argument, NULL, LONG_PASSWORD_FILE },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "timeout", required_argument, NULL, LONG_TIMEOUT },
	{ "retry", required_argument, NULL, LONG_RETRY },
	{ "count", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

void
usage_error(const char *format, ...)
{
	va_list	ap;

	(void)fputs("ocm: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputs("\n'ocm help' lists words and options\n", stderr);
	exit(EX_USAGE);
}

const char *
name_wrong(const char *text)
{
	size_t	len = strlen(text);

	if (len == 0)
		return "it is empty";
	if (len > NAME_MAX_BYTES)
		return "it is longer than 255 bytes";
	if (!utf8_valid(text, len))
		return "it is not UTF-8";
	if (!name_valid(text, len))
		return "it has control characters";
	return NULL;
}

static void
set_server(struct options *o, const char *spec, const char *from)
{
	const char	*wrong = server_parse(&o->server, spec);

	if (wrong != NULL)
		usage_error("%s \"%s\": %s", from, spec, wrong);
}

static void
set_name(struct options *o, const char *name, const char *from)
{
	const char	*wrong = name_wrong(name);

	if (wrong != NULL)
		usage_error("the name of %s is no name: %s", from, wrong);
	(void)strlcpy(o->name, name, sizeof(o->name));
}

static unsigned
number(const char *text, const char *option, unsigned min, unsigned max)
{
	const char	*wrong;
	unsigned	 n = (unsigned)strtonum(text, min, max, &wrong);

	if (wrong != NULL)
		usage_error("%s \"%s\": a number of %u to %u is needed",
		    option, text, min, max);
	return n;
}

/* A login name that is no name of a chat is as good as none. */
static void
default_name(struct options *o)
{
	const char	*names[3] = { getenv("USER"), getenv("LOGNAME"), NULL };
	struct passwd	*pw = getpwuid(getuid());
	size_t		 i;

	if (pw != NULL)
		names[2] = pw->pw_name;
	for (i = 0; i < 3 && o->name[0] == '\0'; i++)
		if (names[i] != NULL && name_wrong(names[i]) == NULL)
			(void)strlcpy(o->name, names[i], sizeof(o->name));
}

void
options_init(struct options *o)
{
	const char	*env;

	memset(o, 0, sizeof(*o));
	o->timeout_ms = OPTION_TIMEOUT_S * 1000;
	o->retry_ms = OPTION_RETRY_S * 1000;
	env = getenv("OCM_SERVER");
	if (env != NULL && *env != '\0')
		set_server(o, env, "OCM_SERVER");
	else
		(void)server_parse(&o->server, SERVER_DEFAULT);
	env = getenv("OCM_NAME");
	if (env != NULL && *env != '\0')
		set_name(o, env, "OCM_NAME");
	default_name(o);
}

static void
set_option(struct options *o, int option, char **argv)
{
	switch (option) {
	case 's':
		set_server(o, optarg, "-s");
		o->server_given = true;
		break;
	case 'n':
		set_name(o, optarg, "-n");
		o->name_given = true;
		break;
	case 'P':
		o->ask_password = true;
		break;
	case LONG_PASSWORD_FILE:
		o->password_file = optarg;
		break;
	case LONG_JSON:
		o->json = true;
		break;
	case LONG_TIMEOUT:
		o->timeout_ms = 1000 * number(optarg, "--timeout", 1, 3600);
		break;
	case LONG_RETRY:
		o->retry_ms = 1000 * number(optarg, "--retry", 0, 86400);
		break;
	case 'c':
		o->count = number(optarg, "-c", 1, UINT_MAX / 2);
		break;
	case 'h':
		o->help = true;
		break;
	case 'V':
		o->version = true;
		break;
	case ':':
		usage_error("the argument of %s is missing", argv[optind - 1]);
	default:
		if (optopt > 0 && optopt < LONG_PASSWORD_FILE)
			usage_error("there is no option -%c", optopt);
		usage_error("there is no such option: %s", argv[optind - 1]);
	}
}

/* After "--" everything is an operand. */
static bool	no_more_options;

const char *
options_operand(struct options *o, int argc, char **argv)
{
	int	option, before = optind;

	while (!no_more_options) {
		before = optind;
		/* "+": GNU must not look beyond the operand. */
		option = getopt_long(argc, argv, "+:s:n:Pc:hV", long_options,
		    NULL);
		if (option == -1)
			break;
		set_option(o, option, argv);
	}
	if (optind == before + 1 && strcmp(argv[before], "--") == 0)
		no_more_options = true;
	return optind < argc ? argv[optind++] : NULL;
}

int
options_rest(int argc, char **argv, char ***rest)
{
	*rest = argv + optind;
	return argc - optind;
}
