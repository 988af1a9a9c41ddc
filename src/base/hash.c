/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <string.h>

#include "base/rand.h"

/* Some key before hash_init, so that a forgotten call costs the secrecy and not the spread. */
static uint64_t key[4] = {
	0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
};
static uint64_t sip_key[2];

void hash_init(void)
{
	rand_bytes(key, sizeof(key));
	rand_bytes(sip_key, sizeof(sip_key));
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static uint64_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* The 128-bit product folded: every bit of both goes into every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t hash_more(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t n = len;
	uint64_t a = 0, b = 0;

	h ^= key[0];
	for (; n > 16; n -= 16, p += 16)
		h = fold(load64(p) ^ key[1], load64(p + 8) ^ h);
	/* The tail's two words may overlap: together with len no two tails read alike. */
	if (n >= 8) {
		a = load64(p);
		b = load64(p + n - 8);
	} else if (n >= 4) {
		a = load32(p);
		b = load32(p + n - 4);
	} else if (n) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
	}
	return fold(fold(a ^ key[2], b ^ h) ^ key[3], len ^ key[1]);
}

uint64_t hash_bytes(const void *p, size_t len)
{
	return hash_more(0, p, len);
}

static uint64_t load64le(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static void sip_word(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	sip_rounds(v, 2);
	v[0] ^= w;
}

/* SipHash-2-4 with 128 bits: two names with one hash would be one name, so this one must hold against forgers. */
struct hash128 hash128_bytes(const void *data, size_t len)
{
	uint64_t v[4] = {
		sip_key[0] ^ 0x736f6d6570736575, sip_key[1] ^ 0x646f72616e646f6d ^ 0xee,
		sip_key[0] ^ 0x6c7967656e657261, sip_key[1] ^ 0x7465646279746573,
	};
	uint8_t last[8] = { 0 };
	const uint8_t *p = data;
	struct hash128 r;
	size_t n = len;

	for (; n >= 8; n -= 8, p += 8)
		sip_word(v, load64le(p));
	if (n)
		memcpy(last, p, n);
	last[7] = (uint8_t)len;
	sip_word(v, load64le(last));
	v[2] ^= 0xee;
	sip_rounds(v, 4);
	r.a = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	sip_rounds(v, 4);
	r.b = v[0] ^ v[1] ^ v[2] ^ v[3];
	return r;
}
