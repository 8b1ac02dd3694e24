/* SPDX-License-Identifier: ISC */
/*
 * ocmd, the supervisor: the only privileged program, which parses no byte
 * from the network.  Arguments, configuration, background, sockets and
 * segment, children, loop.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/control.h"
#include "launch.h"
#include "log.h"
#include "logsink.h"
#include "place.h"
#include "privdrop.h"
#include "server.h"

enum { OVERRIDES_MAX = 256 };

/* What the command line says. */
struct args {
	bool		 foreground, check;
	const char	*file;
	char		*overrides[OVERRIDES_MAX];
	unsigned	 count;
	const char	*socket;
	const char	*argv0;
};

static struct server server;
static struct args args;		/* reload needs it to the end */

static void __attribute__((__noreturn__))
usage(void)
{
	(void)fprintf(stderr, "usage: ocmd [-FnV] [-f file] "
	    "[-o name=value] ... [-s socket]\n");
	exit(EX_USAGE);
}

/* Standard descriptors that are closed would become somebody's socket. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		(void)close(fd);
}

/* A path that still means the same after chdir. */
static char *
absolute(const char *path)
{
	char cwd[PATH_MAX], *all;

	if (path[0] == '/')
		return strdup(path);
	if (getcwd(cwd, sizeof(cwd)) == NULL ||
	    asprintf(&all, "%s/%s", cwd, path) == -1)
		return NULL;
	return all;
}

static char *
must_absolute(const char *path)
{
	char *all = absolute(path);

	if (all == NULL)
		fatal("%s", path);
	return all;
}

static void
add_override(struct args *a, const char *prefix, const char *text)
{
	char *all;

	if (a->count == OVERRIDES_MAX)
		fatalx("more than %d -o", OVERRIDES_MAX);
	if (asprintf(&all, "%s%s", prefix, text) == -1)
		fatal("%s", text);
	a->overrides[a->count++] = all;
}

static void
parse_args(int argc, char *argv[], struct args *a)
{
	int c;

	while ((c = getopt(argc, argv, "+FVf:no:s:")) != -1) {
		switch (c) {
		case 'F':
			a->foreground = true;
			break;
		case 'V':
			(void)printf("ocmd %s\n", OCM_VERSION);
			exit(0);
		case 'f':
			a->file = must_absolute(optarg);
			break;
		case 'n':
			a->check = true;
			break;
		case 'o':
			add_override(a, "", optarg);
			break;
		case 's':
			a->socket = must_absolute(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	if (a->socket != NULL)
		add_override(a, "control=", a->socket);
	a->argv0 = strchr(argv[0], '/') != NULL ? must_absolute(argv[0]) :
	    argv[0];
	if (a->file == NULL && geteuid() == 0 &&
	    access(OCM_SYSCONFDIR "/ocm.conf", F_OK) == 0)
		a->file = OCM_SYSCONFDIR "/ocm.conf";
}

static int
choose_paths(struct server *s, bool foreground, char err[CONF_ERROR])
{
	const char *log = s->conf.log;
	char *slash;

	if (s->conf.control[0] != '\0')
		(void)strlcpy(s->control_path, s->conf.control,
		    sizeof(s->control_path));
	else if (control_default_path(s->control_path,
	    sizeof(s->control_path)) == NULL) {
		(void)snprintf(err, CONF_ERROR, "control socket: %s",
		    strerror(errno));
		return -1;
	} else if (place_default_dir(s->control_path, err) == -1)
		return -1;
	if (place_check_dir(s->control_path, err) == -1)
		return -1;
	if (log[0] == '\0')
		log = foreground ? "stderr" : "";
	if (log[0] == '\0') {
		(void)strlcpy(s->log_path, s->control_path,
		    sizeof(s->log_path));
		if ((slash = strrchr(s->log_path, '/')) != NULL)
			slash[1] = '\0';
		log = "ocm.log";
	}
	if (strlcat(s->log_path, log, sizeof(s->log_path)) >=
	    sizeof(s->log_path)) {
		(void)snprintf(err, CONF_ERROR, "log: the path is too long");
		return -1;
	}
	return 0;
}

static int
serve(struct server *s, const char *argv0)
{
	char err[CONF_ERROR];
	int code;

	if (logsink_open(s->log_path) == -1) {
		launch_complain("ocmd: %s: cannot open the log: %s; name "
		    "another (-o log=), or stderr or syslog", s->log_path,
		    strerror(errno));
		launch_done(1, false);
		return 1;
	}
	if (server_open(s, argv0, err) == -1) {
		log_warnx("%s", err);
		if (!logsink_is_stderr())
			launch_complain("ocmd: %s", err);
		server_close(s);
		launch_done(1, false);
		return 1;
	}
	code = server_run(s);
	server_close(s);
	launch_done(code, false);
	return code;
}

int
main(int argc, char *argv[])
{
	struct server *s = &server;
	const char *strict = getenv("OCM_SANDBOX");
	char err[CONF_ERROR];
	sigset_t none;

	log_init("ocmd");
	fill_standard_descriptors();
	parse_args(argc, argv, &args);
	s->source = (struct conf_source){ args.file, args.overrides,
	    args.count };
	if (conf_load(&s->conf, &s->source, err) == -1)
		fatalx("%s", err);
	if (args.check) {
		(void)printf("%s: ok\n", args.file != NULL ? args.file :
		    "configuration");
		return 0;
	}
	s->drop = geteuid() == 0;
	s->strict = strict != NULL && strcmp(strict, "strict") == 0;
	(void)signal(SIGPIPE, SIG_IGN);
	/* Who started us may have blocked what tells of a death, or the end. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (s->drop) {
		privdrop_ids(s->conf.user_room, &s->uid[ROLE_ROOMD],
		    &s->gid[ROLE_ROOMD]);
		privdrop_ids(s->conf.user_relay, &s->uid[ROLE_RELAYD],
		    &s->gid[ROLE_RELAYD]);
	}
	if (choose_paths(s, args.foreground, err) == -1)
		fatalx("%s", err);
	if (!args.foreground)
		launch_background(s->log_path);
	if (chdir("/") == -1)
		fatal("chdir");
	(void)umask(027);
	return serve(s, args.argv0);
}
