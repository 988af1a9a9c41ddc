/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/listen.h"

#include <errno.h>
#include <linux/filter.h>
#include <unistd.h>

#include "base/util.h"

#define LISTEN_BACKLOG 1024
#define LISTEN_RCVBUF (1 << 20)		/* a burst of a few thousand questions */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static bool wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->b, zero, a->len);
}

static int set_common(int fd, bool v6)
{
	int err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	if (!err && v6)
		err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		err = v6 ? set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	return err;
}

static int set_udp(int fd, const struct endpoint *at, bool v6)
{
	int err;

	/* As much as the machine grants; what it grants by itself will do. */
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, LISTEN_RCVBUF))
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, LISTEN_RCVBUF);
	/* A forged ICMP message must not make the kernel believe in a small path. */
	err = v6 ? set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) :
	      set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (err || !wildcard(&at->addr))
		return err;
	return v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int open_at(const struct endpoint *at, int type)
{
	bool v6 = at->addr.len == 16, udp = type == SOCK_DGRAM;
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = set_common(fd, v6);
	/* Else connections of a server that ended just now keep the port. */
	if (!err)
		err = udp ? set_udp(fd, at, v6) : set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	if (!err && !udp && listen(fd, LISTEN_BACKLOG))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int listen_udp(const struct endpoint *at)
{
	return open_at(at, SOCK_DGRAM);
}

int listen_tcp(const struct endpoint *at)
{
	return open_at(at, SOCK_STREAM);
}

bool listen_taken(const struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool taken = false;

	if (fd < 0)
		return false;
	/* the rest of the answer comes from listen_udp */
	if (at->addr.len == 16)
		(void)set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, (struct sockaddr *)&ss, len))
		taken = errno == EADDRINUSE;
	close(fd);
	return taken;
}

/*
 * A product of odd constants, its upper half modulo n. The constants are the
 * same for every group of sockets, so that a client meets one worker over UDP and over TCP.
 */
#define SPREAD_MUL 0x9e3779b1u
#define SPREAD_SRC4 ((uint32_t)SKF_NET_OFF + 12)
#define SPREAD_SRC6 ((uint32_t)SKF_NET_OFF + 8)

static int attach(int fd, struct sock_filter *code, unsigned short len)
{
	struct sock_fprog prog = { .len = len, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) ? -errno : 0;
}

int listen_spread(int fd, const struct endpoint *at, unsigned n)
{
	struct sock_filter v4[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SPREAD_SRC4),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SPREAD_MUL),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	/* Four words, each mixed in after a multiplication of what came before. */
	struct sock_filter v6[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SPREAD_SRC6),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SPREAD_MUL),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SPREAD_SRC6 + 4),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SPREAD_MUL),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SPREAD_SRC6 + 8),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SPREAD_MUL),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SPREAD_SRC6 + 12),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SPREAD_MUL),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};

	if (n < 2)
		return 0;
	if (at->addr.len == 16)
		return attach(fd, v6, ARRAY_SIZE(v6));
	return attach(fd, v4, ARRAY_SIZE(v4));
}
