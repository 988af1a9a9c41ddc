/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bare echo: what the kernel alone costs for one datagram in and one out, in batches. No server can be cheaper, and
 * it varies with the machine as the servers do; hence all figures are given as multiples of it.
 */
#include "serve.h"

#define DNS_HEADER 12
#define DNS_QR 0x80

static size_t answer(uint8_t *packet, size_t length)
{
	if (length < DNS_HEADER || (packet[2] & DNS_QR))
		return 0;
	packet[2] |= DNS_QR;
	return length;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: echo ADDR@PORT SECONDS\n");
		return 2;
	}
	bench_stop_after((unsigned)bench_number(argv[2], 1, 3600));
	serve(bench_listen(argv[1]), answer, NULL);
	return 0;
}
