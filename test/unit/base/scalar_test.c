/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"
#include "base/regex.h"
#include "base/scalar.h"

enum { BAD = -77 };

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} t[] = {
		{"0", 0}, {"0s", 0}, {"-0", 0}, {"3s", 3000000000}, {"8ms", 8000000}, {"100us", 100000},
		{"100\xc2\xb5s", 100000}, {"100\xce\xbcs", 100000}, {"5ns", 5}, {"1h2m3.5s", 3723500000000},
		{"-1.5s", -1500000000}, {"+1m", 60000000000}, {".5s", 500000000}, {"1.s", 1000000000},
		{"0.000000001s", 1}, {"0.0000000001s", 0}, {"1.0000000000000000000000001s", 1000000000},
		{"2562047h", 9223369200000000000}, {"1m1m", 120000000000},
		{"", BAD}, {"-", BAD}, {"1", BAD}, {"s", BAD}, {".s", BAD}, {"1 s", BAD}, {"1s ", BAD}, {"1x", BAD},
		{"2562048h", BAD}, {"9223372036854775808ns", BAD}, {"99999999999999999999s", BAD}, {"--1s", BAD}, {"1e3s", BAD},
		{"1d", BAD}, {"00", BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int64_t ns = BAD;

		print_message("%s\n", t[i].text);
		assert_int_equal(scalar_duration_ns(t[i].text, &ns), t[i].ns == BAD ? -1 : 0);
		assert_int_equal(ns, t[i].ns);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *canonical;	/* NULL: none */
	} t[] = {
		{"10.0.0.1", "10.0.0.1"}, {"255.255.255.255", "255.255.255.255"}, {"::", "::"}, {"::1", "::1"},
		{"2001:DB8:0:0::1", "2001:db8::1"}, {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
		{"", NULL}, {"10.0.0", NULL}, {"10.0.0.256", NULL}, {"010.0.0.1", NULL}, {"1.2.3.4 ", NULL}, {"0x0a.0.0.1", NULL},
		{"167772161", NULL}, {":::", NULL}, {"fe80::1%eth0", NULL}, {"[::1]", NULL}, {"1:2:3:4:5:6:7:8:9", NULL},
	};
	char out[46];
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(scalar_is_ip(t[i].text), t[i].canonical != NULL);
		if (!scalar_ip(t[i].text, &ip))
			assert_string_equal(ip_text(&ip, out), t[i].canonical);
	}
}

static void cidrs(void **state)
{
	static const struct {
		const char *net, *ip;
		int want;	/* BAD: net is none */
	} t[] = {
		{"10.0.0.0/8", "10.255.0.1", 1}, {"10.0.0.0/8", "11.0.0.1", 0}, {"10.1.2.3", "10.1.2.3", 1},
		{"10.1.2.3", "10.1.2.4", 0}, {"0.0.0.0/0", "1.2.3.4", 1}, {"0.0.0.0/0", "::1", 0}, {"10.0.0.128/25", "10.0.0.127", 0},
		{"10.0.0.129/25", "10.0.0.255", 1}, {"2001:db8::/33", "2001:db8:7fff::1", 1}, {"2001:db8::/33", "2001:db8:8000::1", 0},
		{"::/0", "::5", 1}, {"::1/128", "::1", 1},
		{"10.0.0.0/33", "", BAD}, {"10.0.0.0/", "", BAD}, {"10.0.0.0/-1", "", BAD}, {"10.0.0.0/08", "", BAD}, {"10.0.0.0/8/8", "", BAD},
		{"::/129", "", BAD}, {"/8", "", BAD}, {"", "", BAD}, {"10.0.0.0/8 ", "", BAD},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8", "", BAD},
	};
	struct cidr net;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(scalar_cidr(t[i].net, &net), t[i].want == BAD ? -1 : 0);
		if (t[i].want == BAD)
			continue;
		assert_int_equal(scalar_ip(t[i].ip, &ip), 0);
		assert_int_equal(cidr_contains(&net, &ip), t[i].want);
	}
}

static void dns_names(void **state)
{
	enum { LABEL = 1, NAME = 2, WILD = 4 };
	static const struct {
		const char *text;
		int want;
	} t[] = {
		{"a", LABEL | NAME | WILD}, {"a-b0", LABEL | NAME | WILD}, {"0", LABEL | NAME | WILD}, {"a.b", NAME | WILD},
		{"*", WILD}, {"*.a.b", WILD}, {"", 0}, {"-a", 0}, {"a-", 0}, {"A", 0}, {"a_b", 0}, {"a..b", 0}, {"a.", 0}, {".a", 0},
		{"a.-b", 0}, {"*a", 0}, {"a.*", 0}, {"*.", 0}, {"*.*", 0}, {"a b", 0}, {"a/b", 0},
	};
	char s[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(scalar_is_dns_label(t[i].text), !!(t[i].want & LABEL));
		assert_int_equal(scalar_is_dns_name(t[i].text), !!(t[i].want & NAME));
		assert_int_equal(scalar_is_wildcard_dns_name(t[i].text), !!(t[i].want & WILD));
	}
	memset(s, 'a', 64);
	s[64] = '\0';
	assert_false(scalar_is_dns_label(s));
	s[63] = '\0';
	assert_true(scalar_is_dns_label(s));
	for (int i = 0; i < 254; i++)
		s[i] = i % 50 == 49 ? '.' : 'b';
	s[254] = '\0';
	assert_false(scalar_is_dns_name(s));
	s[253] = '\0';
	assert_true(scalar_is_dns_name(s));
}

static void utf8(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		bool want;
	} t[] = {
		{"", 0, true}, {"abc", 3, true}, {"\xc3\xa9", 2, true}, {"\xe2\x82\xac", 3, true}, {"\xf0\x9f\x98\x80", 4, true},
		{"\xef\xbf\xbf", 3, true}, {"\xf4\x8f\xbf\xbf", 4, true},
		{"a\0b", 3, false}, {"\x80", 1, false}, {"\xc0\x80", 2, false}, {"\xc1\xbf", 2, false}, {"\xc3", 1, false},
		{"\xe0\x9f\xbf", 3, false}, {"\xed\xa0\x80", 3, false}, {"\xf0\x8f\xbf\xbf", 4, false}, {"\xf4\x90\x80\x80", 4, false},
		{"\xf5\x80\x80\x80", 4, false}, {"\xe2\x82", 2, false}, {"\xff", 1, false}, {"\xe2\x28\xa1", 3, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(scalar_is_utf8(t[i].p, t[i].n), t[i].want);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} t[] = {
		{"1970-01-01T00:00:00Z", 0}, {"1970-01-01T00:00:00.000000001Z", 1}, {"1969-12-31T23:59:59Z", -1000000000},
		{"2024-02-29T12:34:56Z", 1709210096000000000}, {"2024-02-29T13:34:56.5+01:00", 1709210096500000000},
		{"2000-03-01T00:00:00-00:30", 951870600000000000}, {"2038-01-19T03:14:08z", 2147483648000000000},
		{"2100-03-01t00:00:00Z", 4107542400000000000}, {"2016-12-31T23:59:60Z", 1483228800000000000},
		{"2023-02-29T00:00:00Z", BAD}, {"2024-13-01T00:00:00Z", BAD}, {"2024-01-00T00:00:00Z", BAD}, {"2024-01-01T24:00:00Z", BAD},
		{"2024-01-01T00:60:00Z", BAD}, {"2024-01-01T00:00:61Z", BAD}, {"2024-01-01T00:00:00", BAD}, {"2024-01-01 00:00:00Z", BAD},
		{"2024-01-01T00:00:00.Z", BAD}, {"2024-01-01T00:00:00Z ", BAD}, {"2024-1-1T00:00:00Z", BAD}, {"", BAD}, {"2024", BAD},
		{"2024-01-01T00:00:00+1:00", BAD}, {"2024-01-01T00:00:00+24:00", BAD}, {"9999-12-31T23:59:59Z", BAD}, {"0000-01-01T00:00:00Z", BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int64_t ns = BAD;

		print_message("%s\n", t[i].text);
		assert_int_equal(scalar_time_ns(t[i].text, &ns), t[i].ns == BAD ? -1 : 0);
		assert_int_equal(ns, t[i].ns);
	}
}

static void prints_times(void **state)
{
	static const int64_t ns[] = {0, 1, 999999999, 1709210096500000001, 4107542400000000000};
	char text[SCALAR_TIME];

	(void)state;
	assert_string_equal(scalar_time_print(1709210096, text), "2024-02-29T12:34:56Z");
	assert_string_equal(scalar_time_print_ns(1709210096000600999, 6, text), "2024-02-29T12:34:56.000600Z");
	assert_string_equal(scalar_time_print_ns(1709210096000600999, 9, text), "2024-02-29T12:34:56.000600999Z");
	assert_string_equal(scalar_time_print_ns(-1, 1, text), "1970-01-01T00:00:00.0Z");
	for (size_t i = 0; i < ARRAY_LEN(ns); i++) {
		int64_t back = BAD;

		assert_int_equal(scalar_time_ns(scalar_time_print_ns(ns[i], 9, text), &back), 0);
		assert_int_equal(back, ns[i]);
	}
}

static void integers(void **state)
{
	int64_t v = 1;

	(void)state;
	assert_int_equal(scalar_int("9223372036854775807", INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(scalar_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(scalar_int("65535", 1, 65535, &v), 0);
	v = BAD;
	assert_int_equal(scalar_int("65536", 1, 65535, &v), -1);
	assert_int_equal(scalar_int("0", 1, 65535, &v), -1);
	assert_int_equal(scalar_int("9223372036854775808", INT64_MIN, INT64_MAX, &v), -1);
	for (const char *const *s = (const char *const[]){"", "-", "+1", " 1", "1 ", "0x1", "1.0", "1e3", NULL}; *s; s++)
		assert_int_equal(scalar_int(*s, INT64_MIN, INT64_MAX, &v), -1);
	assert_int_equal(v, BAD);
}

static void grpc_statuses(void **state)
{
	uint32_t code = 99;

	(void)state;
	assert_int_equal(scalar_grpc_status("OK", &code), 0);
	assert_int_equal(code, 0);
	assert_int_equal(scalar_grpc_status("UNAUTHENTICATED", &code), 0);
	assert_int_equal(code, 16);
	assert_int_equal(scalar_grpc_status("not_found", &code), -1);
	assert_int_equal(scalar_grpc_status("", &code), -1);
}

static void regexes(void **state)
{
	char why[100], longer[REGEX_PATTERN_MAX + 2];
	struct regex *re = regex_new("/api/v[12]/.*");

	(void)state;
	assert_non_null(re);
	assert_true(regex_full_match(re, "/api/v1/x"));
	assert_false(regex_full_match(re, "/api/v3/x"));
	assert_false(regex_full_match(re, "x/api/v1/x"));
	regex_free(re);
	re = regex_new("/([a-z]+)/");
	regex_replace_all(re, "/a/b/c/", "<\\1>", why, sizeof(why));
	assert_string_equal(why, "<a>b<c>");
	regex_replace_all(re, "/a/", "\\2", why, sizeof(why));
	assert_string_equal(why, "/a/");
	regex_replace_all(re, "/abc/", "\\1\\1", why, 5);
	assert_string_equal(why, "abca");
	regex_free(re);
	regex_free(NULL);
	assert_null(regex_new("("));
	assert_int_equal(regex_check("(a+)+$", why, sizeof(why)), 0);
	assert_int_equal(regex_check("(?=x)", why, sizeof(why)), -1);
	assert_true(strlen(why) > 0);
	assert_int_equal(regex_check("x{1001}", why, sizeof(why)), -1);
	assert_true(regex_program_size("a") > 0);
	assert_true(regex_program_size("a{1,100}") > regex_program_size("a"));
	assert_int_equal(regex_program_size(")"), -1);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(regex_check(longer, why, sizeof(why)), -1);
	assert_null(regex_new(longer));
}

static void base64(void **state)
{
	static const struct {
		const char *text;
		int strict, lenient;	/* bytes, or -1 */
	} rows[] = {
		{"", 0, 0}, {"QUJD", 3, 3}, {"QUI=", 2, 2}, {"QQ==", 1, 1}, {"QUJDRA==", 4, 4}, {"QUJDREVG", 6, 6},
		{"QUI", -1, 2}, {"QQ", -1, 1}, {"Q", -1, -1}, {"QUJDR", -1, -1}, {"QQ=", -1, -1}, {"QQ===", -1, -1},
		{"=", -1, -1}, {"====", -1, -1}, {"QQ==QUJD", -1, -1}, {"QU=I", -1, -1}, {"Q*JD", -1, -1}, {"QUJDQ*==", -1, -1},
		{"QUJD\r\nREVG\n", 6, -1}, {"QU\nJD", 3, -1}, {"-_-_", -1, 3}, {"+/+/", 3, 3}, {"QUJDé===", -1, -1},
	};
	uint8_t out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].text);

		assert_int_equal(scalar_base64(rows[i].text, n, true, out), rows[i].strict);
		assert_int_equal(scalar_base64(rows[i].text, n, false, out), rows[i].lenient);
	}
	assert_int_equal(scalar_base64("AAEC/f7/+g==", 12, true, out), 7);
	assert_memory_equal(out, "\x00\x01\x02\xfd\xfe\xff\xfa", 7);
	assert_int_equal(scalar_base64("_-8", 3, false, out), 2);
	assert_memory_equal(out, "\xff\xef", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations), cmocka_unit_test(addresses), cmocka_unit_test(cidrs), cmocka_unit_test(dns_names),
		cmocka_unit_test(utf8), cmocka_unit_test(times), cmocka_unit_test(prints_times), cmocka_unit_test(integers), cmocka_unit_test(grpc_statuses),
		cmocka_unit_test(regexes), cmocka_unit_test(base64),
	};

	return cmocka_run_group_tests_name("base/scalar", tests, NULL, NULL);
}
