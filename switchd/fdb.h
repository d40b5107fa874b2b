/* SPDX-License-Identifier: BSD-2-Clause */
/* fdb.h - Forwarding database: which MAC address lives behind which port
 *
 * DOC: Theory of operation
 *
 * A hash table of fixed size, all of its memory taken when it is made. Keys
 * come from strangers, so the hash is keyed with a secret (SipHash): nobody can
 * fill one bucket on purpose.
 *
 * In front of it lies a small table of what was found last, so that the frames of
 * a few busy talkers, which is most frames, need no hash at all.
 *
 * Where a million addresses are busy, each lookup waits for memory, twice. fdb_warm()
 * starts all of those of a batch at once, so that the frames wait together.
 *
 * An address is known in each VLAN for itself.
 *
 * Each port's entries hang in a list, the one seen longest ago first. Learning
 * an address again moves its entry to the end, but at most once in
 * FDB_REFRESH_MS, so that the common frame writes nothing. Ageing takes entries
 * off the heads of these lists and stops at the first that is young enough.
 *
 * When the table is full, the port that holds most entries gives up its oldest
 * one. A port that floods the table with addresses therefore evicts its own,
 * and the entries of others survive: this is a security feature. (Evicting the
 * oldest entry of all would let one port push out everybody else's.)
 *
 * Not all entries are learnt and forgotten so. A static one is an operator's: it is
 * there until he takes it away. A port may be sticky: what is learnt there stays there,
 * and ages as little. Neither moves: the address may be seen elsewhere, and fdb_refuses()
 * says so. Each kind has a list of its own for each port. A sticky port that floods the
 * table gives up its own, too, after the others; static entries are never given up.
 *
 * A port may have a limit: at most so many addresses, of all kinds, live behind it. What
 * would be one too many is not learnt there.
 *
 * Pure: no clock, no descriptor. Ports are small integers, time is a parameter
 * in milliseconds of a monotonic clock. Not thread-safe.
 */
#ifndef SWITCHD_FDB_H
#define SWITCHD_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/siphash.h"

enum {
	FDB_ENTRIES_DEFAULT = 8192,
	FDB_AGEING_MS_DEFAULT = 100 * 1000,
	FDB_REFRESH_MS = 1000,
	FDB_NO_PORT = 0xffff,
	FDB_WARM_MAX = 128,
};

struct fdb;

enum fdb_learned { FDB_NEW, FDB_KNOWN, FDB_MOVED, FDB_REFUSED };
enum fdb_change { FDB_ADDED, FDB_CHANGED_PORT, FDB_REMOVED };

/* Learnt; learnt and kept at its port; an operator's. */
enum fdb_kind { FDB_DYNAMIC, FDB_STICKY, FDB_STATIC, FDB_KINDS };

/** struct fdb_info - An entry as shown to people */
struct fdb_info {
	struct eth_addr addr;
	uint16_t vid;
	uint16_t port;
	enum fdb_kind kind;
	uint64_t age_ms;
	unsigned int bucket;
};

/**
 * fdb_create() - Make an empty table
 * @entries:	Most addresses it holds, at least 1
 * @ports:	Ports are 0 to @ports - 1, at most FDB_NO_PORT of them
 * @key:	Secret of the hash
 *
 * Return: the table, or NULL if there is no memory
 */
struct fdb *fdb_create(unsigned int entries, unsigned int ports,
		       struct siphash_key key);

/* NULL is fine. */
void fdb_destroy(struct fdb *fdb);

/* Entries not seen for longer than @ms are forgotten by fdb_age(). */
void fdb_set_ageing(struct fdb *fdb, uint64_t ms);
uint64_t fdb_ageing(const struct fdb *fdb);

/* An address moves to another port only when it was not seen at its old one for
 * @ms; 0, the default, is at once. */
void fdb_set_min_stay(struct fdb *fdb, uint64_t ms);
uint64_t fdb_min_stay(const struct fdb *fdb);

/* Call @changed for each entry that comes, moves (both without an age) or goes. */
void fdb_watch(struct fdb *fdb, void (*changed)(void *ctx, enum fdb_change what,
						const struct fdb_info *info), void *ctx);

/* Learning. */

/**
 * fdb_learn() - Remember behind which port a source address was seen
 * @fdb:	Table
 * @addr:	A unicast address, not zero
 * @vid:	The VLAN in which it was seen
 * @port:	Port
 * @now_ms:	Time of the frame
 *
 * If the table is full, the oldest entry of the port with most entries goes.
 *
 * Return: FDB_REFUSED if the address is not learnt: see fdb_refuses(), or there is no room
 */
enum fdb_learned fdb_learn(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
			   uint16_t port, uint64_t now_ms);

/* Lookup. */

/* Port of an address, or FDB_NO_PORT if unknown or too old. */
uint16_t fdb_lookup(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
		    uint64_t now_ms);

/** struct fdb_wanted - An address that is about to be looked up or learned */
struct fdb_wanted {
	struct eth_addr addr;
	uint16_t vid;
};

/* Get what is known of @n addresses, at most FDB_WARM_MAX, into the caches. It changes
 * nothing else, and pays only where the table does not fit into them. */
void fdb_warm(struct fdb *fdb, const struct fdb_wanted *wanted, unsigned int n);

/* All entries; those of a port; those of a port that are of a kind. */
unsigned int fdb_count(const struct fdb *fdb);
unsigned int fdb_port_count(const struct fdb *fdb, uint16_t port);
unsigned int fdb_kind_count(const struct fdb *fdb, uint16_t port, enum fdb_kind kind);
unsigned int fdb_buckets(const struct fdb *fdb);

/* Call @visit for every entry that is not too old, in the order of ports. */
void fdb_foreach(const struct fdb *fdb, uint64_t now_ms,
		 void (*visit)(void *ctx, const struct fdb_info *info), void *ctx);

/* Flushing. */

/* Forget what is too old. Return: number of entries forgotten. */
unsigned int fdb_age(struct fdb *fdb, uint64_t now_ms);

/* Forget what was learnt of a port, but for sticky addresses. */
void fdb_flush_port(struct fdb *fdb, uint16_t port);

/* The same for all ports. */
void fdb_flush(struct fdb *fdb);

/* Forget all of a port: addresses of all kinds, limit, that it is sticky. */
void fdb_forget_port(struct fdb *fdb, uint16_t port);

/* What an operator sets. */

/* "dynamic", "sticky" or "static". */
const char *fdb_kind_name(enum fdb_kind kind);

/**
 * fdb_add() - Make an address a static one of a port
 *
 * What was learnt of it is forgotten. The port's limit does not count here.
 * Return: 0; -EINVAL for a group address and for zero; -EEXIST if it is static already;
 * -ENOSPC if the table is full of such
 */
int fdb_add(struct fdb *fdb, struct eth_addr addr, uint16_t vid, uint16_t port,
	    uint64_t now_ms) MUST_CHECK;

/* Forget one address, of whatever kind. Return: 0, or -ENXIO if there is none. */
int fdb_del(struct fdb *fdb, struct eth_addr addr, uint16_t vid) MUST_CHECK;

/* Whether what is learnt at a port stays there. What is known already becomes sticky, or
 * is as if learnt at @now_ms. */
void fdb_set_sticky(struct fdb *fdb, uint16_t port, bool on, uint64_t now_ms);
bool fdb_sticky(const struct fdb *fdb, uint16_t port);

/* At most so many addresses behind a port from now on; 0: any number. */
void fdb_set_limit(struct fdb *fdb, uint16_t port, unsigned int limit);
unsigned int fdb_limit(const struct fdb *fdb, uint16_t port);

/* Whether an address cannot be learnt at a port: it is another port's for good, or would
 * be one too many. */
bool fdb_refuses(struct fdb *fdb, struct eth_addr addr, uint16_t vid, uint16_t port);

/**
 * fdb_carry_over() - Take what an operator has set, and sticky addresses, into a new table
 * @to:		Table, empty
 * @from:	The one that it replaces; unchanged. Ports that @to has not are left out
 *
 * Return: 0, or -ENOSPC if there is no room for them
 */
int fdb_carry_over(struct fdb *to, const struct fdb *from) MUST_CHECK;

#endif /* SWITCHD_FDB_H */
