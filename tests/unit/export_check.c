/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/diag.h"
#include "export/check.h"
#include "export_nft_help.h"

static char text[4096];
static size_t errors, warnings;

/* What is said of conf[0], nftables or not; the last line stays in `text`. */
static void keep_line(void *ctx, const char *line)
{
	snprintf(text, sizeof(text), "%s", line);
}

static void check(void)
{
	struct conf c = { .path = "postern.conf", .exports = conf, .n_exports = 1 };
	struct diag_list *d = diag_new();

	text[0] = '\0';
	export_check(&c, d);
	diag_each(d, keep_line, NULL);
	errors = diag_errors(d);
	warnings = diag_warnings(d);
	diag_free(d);
}

/* Does what the last line says, as it would be pasted: up to the warning's name. */
static void paste(const char *first)
{
	char *command = strstr(text, first), *name;

	assert_non_null(command);
	name = strrchr(command, '[');
	if (name)
		*name = '\0';
	output(command);
}

static void test_missing(void **state)
{
	need_nft();
	for (int table = 0; table < 2; table++) {
		nft("flush ruleset; %s", table ? "add table inet lockdown" : "");
		for (int i = 0; i < 2; i++) {
			check();
			assert_int_equal(errors, 0);
			assert_int_equal(warnings, 2 - i);
			assert_non_null(strstr(text, "postern.conf:1: warning: set inet lockdown update"));
			paste("nft '");
		}
		check();
		assert_string_equal(text, "");
	}
	nft("flush ruleset");
	conf[0].create = true;
	check();
	assert_string_equal(text, "");
	assert_false(listed("lockdown"));
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"type ipv4_addr", "type ipv4_addr; flags timeout, interval", "type inet_service; flags timeout",
		"type ipv4_addr . inet_service; flags interval", "type ipv4_addr; flags timeout; size 10",
	};

	need_nft();
	conf[0].set[1].name = "";
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bool small = i == ARRAY_SIZE(wrong) - 1;

		nft("flush ruleset; add table inet lockdown; add set inet lockdown update4 { %s; }", wrong[i]);
		check();
		assert_int_equal(errors, !small);
		assert_int_equal(warnings, small);
		paste("nft '");
		check();
		assert_string_equal(text, "");
		assert_listed("flags timeout");
		assert_listed("size 65536");
	}
}

/* What `key` says makes the set that is missing, and is held against the one that is there. */
static void test_key(void **state)
{
	need_nft();
	conf[0].set[1].name = "";
	check();
	assert_non_null(strstr(text, "this makes one by address, with 'key' it is of another type: nft '"));
	conf[0].key = KEY_CLIENT;
	conf[0].key_line = 7;
	check();
	assert_non_null(strstr(text, "this makes it: nft '"));
	paste("nft '");
	assert_listed("type ipv4_addr . ipv4_addr");
	check();
	assert_string_equal(text, "");
	/* as it is: with the protocol or without */
	conf[0].key = KEY_SERVICE;
	nft("flush ruleset; add table inet lockdown; add set inet lockdown update4 { %s; %s }", "type ipv4_addr . inet_service",
	    "flags timeout; size 65536;");
	check();
	assert_string_equal(text, "");
	nft("flush ruleset; add table inet lockdown; add set inet lockdown update4 { %s; %s }", "type ipv4_addr",
	    "flags timeout; size 65536;");
	check();
	assert_int_equal(errors, 0);
	assert_string_equal(text, "postern.conf:7: warning: set inet lockdown update4 has keys of type 'ipv4_addr', not "
			    "'ipv4_addr . inet_proto . inet_service' as 'key' says: it is used as it is [other-key]");
	conf[0].key_line = 0;
	check();
	assert_string_equal(text, "");
}

static void test_ipset(void **state)
{
	need_nft();
	if (system("ipset list -n >/dev/null 2>&1"))
		skip();
	conf[0].kind = EXPORT_IPSET;
	conf[0].set[0] = (struct conf_set){ "", "", "check4", 3 };
	conf[0].set[1].name = "";
	check();
	assert_int_equal(errors, 0);
	assert_non_null(strstr(text, "postern.conf:3: warning: set check4 is not there"));
	paste("ipset create");
	check();
	assert_string_equal(text, "");
	conf[0].key = KEY_SERVICE;
	conf[0].key_line = 8;
	check();
	assert_non_null(strstr(text, "postern.conf:8: warning: set check4 has keys of type 'ipv4_addr', not"));
	output("ipset destroy check4 && ipset create check4 hash:ip");
	check();
	assert_int_equal(errors, 1);
	output("ipset destroy check4");
}

/* Who may not ask says so, once, and changes nothing. */
static void test_unprivileged(void **state)
{
	pid_t child;
	int status;

	need_nft();
	child = fork();
	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		check();
		_exit(errors || warnings != 1 || !strstr(text, "[unchecked]"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_wrong, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_key, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_ipset, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_unprivileged, nft_setup, nft_teardown),
	};

	nft_enter();
	return cmocka_run_group_tests_name("export_check", tests, NULL, NULL);
}
