/* SPDX-License-Identifier: Apache-2.0 */
#include "ca/tbs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"

static const uint8_t key_usage[] = {
    /* critical: digitalSignature, keyEncipherment */
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x05, 0xa0,
};
static const uint8_t extended_key_usage[] = {
    /* serverAuth, clientAuth */
    0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x16, 0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01,
    0x05, 0x05, 0x07, 0x03, 0x01, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02,
};
static const uint8_t basic_constraints[] = {
    /* critical: no CA */
    0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00,
};
static const uint8_t oid_authority_key_id[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
static const uint8_t oid_critical_alt_name[] = {0x06, 0x03, 0x55, 0x1d, 0x11, 0x01, 0x01, 0xff};
static const uint8_t empty_name[] = {0x30, 0x00};
static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};

void tbs_serial(const uint8_t random[TBS_SERIAL], uint8_t out[TBS_SERIAL])
{
	memcpy(out, random, TBS_SERIAL);
	out[0] = (out[0] & 0x7f) | 0x40;
}

void tbs_put_name(struct der_out *o, enum tbs_name kind, const void *p, size_t n)
{
	size_t mark = der_mark(o);

	der_put(o, p, n);
	der_put_tag(o, (uint8_t)(DER_CONTEXT + (unsigned)kind), mark);
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, then GeneralizedTime. */
static void put_time(struct der_out *o, int64_t seconds)
{
	time_t t = (time_t)seconds;
	bool is_utc;
	size_t mark = der_mark(o);
	char text[40];
	struct tm tm;

	must(gmtime_r(&t, &tm) && tm.tm_year >= 70 && tm.tm_year < 8100);
	is_utc = tm.tm_year < 150;
	snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	der_put(o, is_utc ? text + 2 : text, strlen(text) - (is_utc ? 2 : 0));
	der_put_tag(o, is_utc ? DER_UTC_TIME : DER_TIME, mark);
}

static void put_alt_name(struct der_out *o, struct der names)
{
	size_t mark = der_mark(o);

	der_put(o, names.p, names.n);
	der_put_tag(o, DER_SEQUENCE, mark);
	der_put_tag(o, DER_OCTETS, mark);
	der_put(o, oid_critical_alt_name, sizeof(oid_critical_alt_name));
	der_put_tag(o, DER_SEQUENCE, mark);
}

static void put_authority_key_id(struct der_out *o, struct der id)
{
	size_t mark = der_mark(o);

	if (!id.n)
		return;
	der_put(o, id.p, id.n);
	der_put_tag(o, DER_CONTEXT + 0, mark);
	der_put_tag(o, DER_SEQUENCE, mark);
	der_put_tag(o, DER_OCTETS, mark);
	der_put(o, oid_authority_key_id, sizeof(oid_authority_key_id));
	der_put_tag(o, DER_SEQUENCE, mark);
}

static void put_extensions(struct der_out *o, const struct tbs_issuer *issuer, const struct tbs *t)
{
	size_t mark = der_mark(o);

	put_alt_name(o, t->names);
	put_authority_key_id(o, issuer->key_id);
	der_put(o, basic_constraints, sizeof(basic_constraints));
	der_put(o, extended_key_usage, sizeof(extended_key_usage));
	der_put(o, key_usage, sizeof(key_usage));
	der_put_tag(o, DER_SEQUENCE, mark);
	der_put_tag(o, DER_CONTEXT_CONSTRUCTED + 3, mark);
}

static void put_validity(struct der_out *o, const struct tbs *t)
{
	size_t mark = der_mark(o);

	put_time(o, t->not_after_s);
	put_time(o, t->not_before_s);
	der_put_tag(o, DER_SEQUENCE, mark);
}

static void put_serial(struct der_out *o, const uint8_t *random)
{
	size_t mark = der_mark(o);
	uint8_t serial[TBS_SERIAL];

	tbs_serial(random, serial);
	der_put(o, serial, sizeof(serial));
	der_put_tag(o, DER_INTEGER, mark);
}

void tbs_write(struct der_out *o, const struct tbs_issuer *issuer, const struct tbs *t)
{
	size_t mark = der_mark(o);

	put_extensions(o, issuer, t);
	der_put(o, t->spki.p, t->spki.n);
	der_put(o, empty_name, sizeof(empty_name));
	put_validity(o, t);
	der_put(o, issuer->name.p, issuer->name.n);
	der_put(o, issuer->signature_id.p, issuer->signature_id.n);
	put_serial(o, t->serial);
	der_put(o, version_3, sizeof(version_3));
	der_put_tag(o, DER_SEQUENCE, mark);
}
