/* SPDX-License-Identifier: ISC */
/*
 * Reads ocm.conf with libconfuse, which gives syntax and line numbers; what
 * a value means is decided by conf_value.c in the same way for the defaults,
 * the file and -o.
 */
#include <sys/stat.h>

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_value.h"

enum { FILE_MAX = 1 << 20, LIST_MAX = 64, WORD_MAX = 64 };

/* ---- names and defaults ---- */

/* Letters to insert, drop or change to make b of a. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], i, j, diagonal, keep;
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			keep = row[j];
			row[j] = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] > keep + 1)
				row[j] = keep + 1;
			if (row[j] > row[j - 1] + 1)
				row[j] = row[j - 1] + 1;
			diagonal = keep;
		}
	}
	return row[lb];
}

static int
refuse_unknown(const char *name, char why[CONF_ERROR])
{
	unsigned i, d, best = 3;	/* farther is no likeness */
	const char *like = NULL;

	for (i = 0; i < settings_count; i++)
		if ((d = distance(name, settings[i].name)) < best) {
			best = d;
			like = settings[i].name;
		}
	if (like != NULL)
		return setting_refuse(why, "there is no setting \"%.64s\"; "
		    "did you mean \"%s\"?", name, like);
	return setting_refuse(why, "there is no setting \"%.64s\"; see "
	    "ocm.conf(5)", name);
}

static int
take_defaults(struct conf *c, char err[CONF_ERROR])
{
	unsigned i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < settings_count; i++)
		if (setting_take(c, &settings[i], &settings[i].standard, 1,
		    err) == -1)
			return -1;
	return 0;
}

/* ---- -o name=value ---- */

/* Splits text at commas, in place; returns how many, at most LIST_MAX. */
static unsigned
split(char *text, const char *values[LIST_MAX])
{
	unsigned n = 0;
	char *word;

	if (*text == '\0')
		return 0;
	while (n < LIST_MAX && (word = strsep(&text, ",")) != NULL)
		values[n++] = word;
	return n;
}

static int
take_override(struct conf *c, const char *text, char err[CONF_ERROR])
{
	const char *values[LIST_MAX], *eq = strchr(text, '=');
	char value[CONF_ERROR], name[WORD_MAX], why[CONF_ERROR];
	const struct setting *s;
	unsigned n = 1;

	if (eq == NULL || eq == text) {
		(void)snprintf(err, CONF_ERROR,
		    "-o %.256s: it must look like name=value", text);
		return -1;
	}
	if (strlcpy(value, eq + 1, sizeof(value)) >= sizeof(value)) {
		(void)snprintf(err, CONF_ERROR, "-o %.64s...: too long", text);
		return -1;
	}
	if ((s = setting_find(text, (size_t)(eq - text))) == NULL) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(eq - text),
		    text);
		(void)refuse_unknown(name, why);
	} else {
		values[0] = value;
		if ((s->flags & SETTING_LIST) != 0)
			n = split(value, values);
		if (setting_take(c, s, values, n, why) == 0)
			return 0;
	}
	(void)snprintf(err, CONF_ERROR, "-o %.256s: %.700s", text, why);
	return -1;
}

/* ---- the file ---- */

/* What libconfuse's callbacks, which take no argument, work on. */
static struct reading {
	struct conf	*conf;
	const char	*file;
	char		*err;
} reading;

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char why[CONF_ERROR], text[CONF_ERROR];
	const char *name;
	size_t n;

	if (reading.err[0] != '\0')
		return;			/* the first one counts */
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)strlcpy(why, text, sizeof(why));
	if (strcmp(fmt, "no such option '%s'") == 0) {
		name = text + strlen("no such option '");
		n = strcspn(name, "'");
		text[(size_t)(name - text) + n] = '\0';
		(void)refuse_unknown(name, why);
	}
	(void)snprintf(reading.err, CONF_ERROR, "%.256s:%d: %.700s",
	    reading.file, cfg->line, why);
}

/* After each value of an option, and after a list's closing brace. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct setting *s = setting_find(opt->name, strlen(opt->name));
	const char *values[LIST_MAX];
	char why[CONF_ERROR];
	unsigned i, n = cfg_opt_size(opt);

	if (n > LIST_MAX)
		n = LIST_MAX;
	for (i = 0; i < n; i++)
		values[i] = cfg_opt_getnstr(opt, i);
	if (setting_take(reading.conf, s, values, n, why) == 0)
		return 0;
	cfg_error(cfg, "%s: %s", s->name, why);
	return -1;
}

/* Past the comment at p, which becomes blanks; NULL where it has no end. */
static char *
blank_comment(char *p)
{
	bool block = p[0] == '/' && p[1] == '*';
	const char *end = block ? strstr(p + 2, "*/") : strchr(p, '\n');

	if (end == NULL && block)
		return NULL;
	if (end == NULL)
		end = p + strlen(p);
	else if (block)
		end += 2;
	for (; p < end; p++)
		if (*p != '\n')
			*p = ' ';
	return p;
}

/*
 * libconfuse miscounts the lines of comments, and takes one without an end
 * for the end of the file: it gets to see none.  0, or the line of a comment
 * that has no end.
 */
static int
blank_comments(char *p)
{
	char quote = '\0';
	int line = 1;
	char *next;

	for (; *p != '\0'; p++) {
		if (*p == '\n')
			line++;
		if (quote != '\0') {
			if (*p == '\\' && p[1] != '\0')
				line += *++p == '\n';
			else if (*p == quote)
				quote = '\0';
		} else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '#' || (*p == '/' &&
		    (p[1] == '/' || p[1] == '*'))) {
			if ((next = blank_comment(p)) == NULL)
				return line;
			for (; p < next - 1; p++)
				if (*p == '\n')
					line++;
		}
	}
	return 0;
}

/* libconfuse says nothing of an empty list: find its line ourselves. */
static int
line_of(const char *text, const char *name)
{
	const char *p = text;
	size_t len = strlen(name);
	int line = 1, found = 0;

	while (p != NULL) {
		p += strspn(p, " \t");
		if (strncmp(p, name, len) == 0 &&
		    strchr(" \t+={", p[len]) != NULL && p[len] != '\0')
			found = line;
		if ((p = strchr(p, '\n')) != NULL)
			p++;
		line++;
	}
	return found;
}

static int
take_empty_lists(cfg_t *cfg, const char *text)
{
	char why[CONF_ERROR];
	cfg_opt_t *opt;
	unsigned i;

	for (i = 0; i < settings_count; i++) {
		opt = cfg_getopt(cfg, settings[i].name);
		if ((settings[i].flags & SETTING_LIST) == 0 ||
		    (opt->flags & CFGF_MODIFIED) == 0 ||
		    cfg_opt_size(opt) != 0)
			continue;
		if (setting_take(reading.conf, &settings[i], NULL, 0, why) == 0)
			continue;
		cfg->line = line_of(text, settings[i].name);
		cfg_error(cfg, "%s: %s", settings[i].name, why);
		return -1;
	}
	return 0;
}

static int
take_text(struct conf *c, const char *file, const char *text,
    char err[CONF_ERROR])
{
	cfg_opt_t opts[SETTINGS_MAX + 1], end = CFG_END();
	unsigned i;
	cfg_t *cfg;
	int rc = -1;

	for (i = 0; i < settings_count; i++) {
		cfg_opt_t one = CFG_STR(settings[i].name, NULL,
		    CFGF_NODEFAULT);
		cfg_opt_t list = CFG_STR_LIST(settings[i].name, NULL,
		    CFGF_NODEFAULT);

		opts[i] = (settings[i].flags & SETTING_LIST) != 0 ? list : one;
	}
	opts[settings_count] = end;
	err[0] = '\0';
	if ((cfg = cfg_init(opts, CFGF_NONE)) == NULL) {
		(void)snprintf(err, CONF_ERROR, "%.256s: %s", file,
		    strerror(ENOMEM));
		return -1;
	}
	reading = (struct reading){ c, file, err };
	(void)cfg_set_error_function(cfg, on_error);
	for (i = 0; i < settings_count; i++)
		(void)cfg_set_validate_func(cfg, settings[i].name, on_value);
	if (cfg_parse_buf(cfg, text) == CFG_SUCCESS &&
	    take_empty_lists(cfg, text) == 0)
		rc = 0;
	else if (err[0] == '\0')
		(void)snprintf(err, CONF_ERROR, "%.256s:%d: cannot be read",
		    file, cfg->line);
	cfg_free(cfg);
	return rc;
}

/* All that the descriptor gives into text[FILE_MAX + 1]; -1 and why not. */
static int
read_text(int fd, char *text, const char **why)
{
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		goto fail;
	*why = "not a regular file";
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return -1;
	*why = "longer than 1 MiB";
	if (st.st_size > FILE_MAX)
		return -1;
	while (len < FILE_MAX &&
	    (n = read(fd, text + len, FILE_MAX - len)) != 0) {
		if (n == -1)
			goto fail;
		len += (size_t)n;
	}
	text[len] = '\0';
	*why = "contains a NUL byte, so it is no text";
	return strlen(text) == len ? 0 : -1;
fail:
	*why = strerror(errno);
	return -1;
}

/*
 * The whole file as text, without comments: libconfuse's scanner would end
 * the process on a read error, and stop silently at a NUL byte.
 */
static char *
slurp(const char *file, char err[CONF_ERROR])
{
	const char *why;
	int fd, rc, line;
	char *text;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    (text = malloc(FILE_MAX + 1)) == NULL) {
		(void)snprintf(err, CONF_ERROR, "%.256s: %s", file,
		    strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return NULL;
	}
	rc = read_text(fd, text, &why);
	(void)close(fd);
	if (rc == -1)
		(void)snprintf(err, CONF_ERROR, "%.256s: %s", file, why);
	else if ((line = blank_comments(text)) != 0)
		(void)snprintf(err, CONF_ERROR, "%.256s:%d: a comment that "
		    "does not end", file, line);
	else
		return text;
	free(text);
	return NULL;
}

int
conf_load(struct conf *c, const struct conf_source *from,
    char err[CONF_ERROR])
{
	unsigned i;
	char *text;
	int rc;

	if (take_defaults(c, err) == -1)
		return -1;
	if (from->file != NULL) {
		if ((text = slurp(from->file, err)) == NULL)
			return -1;
		rc = take_text(c, from->file, text, err);
		free(text);
		if (rc == -1)
			return -1;
	}
	for (i = 0; i < from->count; i++)
		if (take_override(c, from->overrides[i], err) == -1)
			return -1;
	return 0;
}

void
conf_diff(const struct conf *a, const struct conf *b,
    void (*each)(void *, const char *, bool), void *arg)
{
	const struct setting *s;
	unsigned i;

	for (i = 0; i < settings_count; i++) {
		s = &settings[i];
		if (memcmp((const char *)a + s->offset,
		    (const char *)b + s->offset, s->size) != 0)
			each(arg, s->name, (s->flags & SETTING_LIVE) != 0);
	}
}

struct seg_limits
conf_limits(const struct conf *c)
{
	struct seg_limits lim;

	memset(&lim, 0, sizeof(lim));
	lim.table.rooms = c->max_rooms;
	lim.table.members = c->max_members;
	lim.lobby = c->max_lobby;
	lim.workers = c->workers;
	return lim;
}
