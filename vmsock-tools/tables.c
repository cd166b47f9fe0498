/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tables.c - writes what is made of the options: completions, and sections of manual pages
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Runs in the build tree only, by scripts/options.sh:
 *
 *	tables commands		the names
 *	tables manual NAME	the list of the OPTIONS section
 *	tables bash|zsh|fish	the completions
 */
#include <string.h>

#include "tool.h"

/* A letter that begins a sentence, and the full stop. */
static void print_sentence(const char *text)
{
	printf("%c%s.\n", g_ascii_toupper(*text), text + 1);
}

static void manual_option(const struct option *option, void *data G_GNUC_UNUSED)
{
	g_autofree char *argument = option->argument ? g_ascii_strdown(option->argument, -1) : NULL;

	printf(".It Fl ");
	if (option->letter)
		printf("%c , ", option->letter);
	printf("-%s", option->name);
	if (argument)
		printf(" Ns = Ns Ar %s", argument);
	putchar('\n');
	if (option->manual)
		puts(option->manual);
	else
		print_sentence(option->help);
}

static void manual(const struct command *command)
{
	puts(".Bl -tag -width Fl");
	option_for_each(command, manual_option, NULL);
	puts(".El");
}

static void head(const char *first, const char *name)
{
	printf("%s# SPDX-License-Identifier: GPL-2.0-or-later\n#\n"
	       "# %s - completion of vmsock commands, written by scripts/options.sh\n#\n"
	       "# Copyright (C) 2026 The vmsock authors\n\n", first, name);
}

static void print_names(void)
{
	for (gsize i = 0; tool_commands[i]; i++)
		printf("%s%s", i ? " " : "", tool_commands[i]->name);
}

/* bash */

static void bash_word(const struct option *option, void *data G_GNUC_UNUSED)
{
	if (option->letter)
		printf("-%c ", option->letter);
	printf("--%s ", option->name);
}

static void bash_value(const struct option *option, void *data G_GNUC_UNUSED)
{
	if (!option->argument)
		return;
	printf("\t%s:--%s", (const char *)data, option->name);
	if (option->letter)
		printf(" | %s:-%c", (const char *)data, option->letter);
	if (g_strcmp0(option->words, "file") == 0)
		puts(") mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;");
	else
		printf(") words='%s' ;;\n", option->words ? option->words : "");
}

static void bash(void)
{
	head("", "vmsock.bash");
	fputs("_vmsock()\n{\n\tlocal word=$2 command=${COMP_WORDS[1]} words=\n\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords='", stdout);
	print_names();
	puts(" help --help --version'\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n\t\treturn\n\tfi\n"
	     "\tcase $command in");
	for (gsize i = 0; tool_commands[i]; i++) {
		printf("\t%s) words='", tool_commands[i]->name);
		option_for_each(tool_commands[i], bash_word, NULL);
		puts("' ;;");
	}
	fputs("\thelp) words='", stdout);
	print_names();
	puts("' ;;\n\tesac\n\tcase $command:$3 in");
	for (gsize i = 0; tool_commands[i]; i++)
		option_for_each(tool_commands[i], bash_value, (void *)tool_commands[i]->name);
	puts("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
	     "complete -F _vmsock vmsock");
}

/* zsh */

/* What stands inside single quotes and brackets of _arguments. */
static char *zsh_text(const char *text)
{
	g_autoptr(GString) quoted = g_string_new(text);

	g_string_replace(quoted, "'", "'\\''", 0);
	g_string_replace(quoted, "[", "\\[", 0);
	g_string_replace(quoted, "]", "\\]", 0);
	g_string_replace(quoted, ":", "\\:", 0);
	return g_string_free(g_steal_pointer(&quoted), FALSE);
}

static void zsh_spec(const char *name, const struct option *option)
{
	g_autofree char *help = zsh_text(option->help);

	printf(" \\\n\t\t\t'*%s", name);
	if (option->argument)
		putchar(name[1] == '-' ? '=' : '+');
	printf("[%s]", help);
	if (option->argument)
		printf(":%s:", option->argument);
	if (g_strcmp0(option->words, "file") == 0)
		printf("_files");
	else if (option->words)
		printf("(%s)", option->words);
	putchar('\'');
}

static void zsh_option(const struct option *option, void *data G_GNUC_UNUSED)
{
	g_autofree char *name = g_strconcat("--", option->name, NULL);
	const char letter[] = { '-', option->letter, 0 };

	if (option->letter)
		zsh_spec(letter, option);
	zsh_spec(name, option);
}

static void zsh(void)
{
	head("#compdef vmsock\n", "_vmsock");
	puts("local -a commands=(");
	for (gsize i = 0; tool_commands[i]; i++) {
		g_autofree char *summary = zsh_text(tool_commands[i]->summary);

		printf("\t'%s:%s'\n", tool_commands[i]->name, summary);
	}
	puts("\t'help:print a summary of a command'\n)\n"
	     "if ((CURRENT == 2)); then\n\t_describe command commands\n"
	     "else\n\tshift words\n\t((CURRENT--))\n\tcase $words[1] in");
	for (gsize i = 0; tool_commands[i]; i++) {
		printf("\t%s)\n\t\t_arguments", tool_commands[i]->name);
		option_for_each(tool_commands[i], zsh_option, NULL);
		puts(" \\\n\t\t\t'*:argument:_default'\n\t\t;;");
	}
	puts("\thelp) _describe command commands ;;\n\tesac\nfi");
}

/* fish */

static char *fish_text(const char *text)
{
	g_autoptr(GString) quoted = g_string_new(text);

	g_string_replace(quoted, "'", "\\'", 0);
	return g_string_free(g_steal_pointer(&quoted), FALSE);
}

static void fish_option(const struct option *option, void *name)
{
	g_autofree char *help = fish_text(option->help);

	printf("complete -c vmsock -n '__fish_seen_subcommand_from %s' -l %s", (char *)name,
	       option->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	if (g_strcmp0(option->words, "file") == 0)
		printf(" -r -F");
	else if (option->argument)
		printf(" -x");
	if (option->words && strcmp(option->words, "file") != 0)
		printf(" -a '%s'", option->words);
	printf(" -d '%s'\n", help);
}

static void fish(void)
{
	head("", "vmsock.fish");
	puts("complete -c vmsock -f");
	for (gsize i = 0; tool_commands[i]; i++) {
		g_autofree char *summary = fish_text(tool_commands[i]->summary);

		printf("complete -c vmsock -n __fish_use_subcommand -a %s -d '%s'\n",
		       tool_commands[i]->name, summary);
		option_for_each(tool_commands[i], fish_option, (void *)tool_commands[i]->name);
	}
}

static const struct command *find(const char *name)
{
	for (gsize i = 0; tool_commands[i]; i++)
		if (g_strcmp0(tool_commands[i]->name, name) == 0)
			return tool_commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "commands") == 0)
		print_names();
	else if (strcmp(what, "bash") == 0)
		bash();
	else if (strcmp(what, "zsh") == 0)
		zsh();
	else if (strcmp(what, "fish") == 0)
		fish();
	else if (strcmp(what, "manual") == 0 && argc == 3 && find(argv[2]))
		manual(find(argv[2]));
	else
		return TOOL_USAGE;
	return TOOL_OK;
}
