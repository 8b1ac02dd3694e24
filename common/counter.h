/* SPDX-License-Identifier: ISC */
/*
 * Every counter an operator can read with `ocmctl stats`, in one list.
 * A counter has one writer, so that adding needs no locked instruction.
 */
#ifndef OCM_COUNTER_H
#define OCM_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

#define ROOM_COUNTERS(X)						\
	X(accepted, "TCP connections accepted")				\
	X(requests, "requests answered with success")			\
	X(refused_exists, "refused: the room exists")			\
	X(refused_no_room, "refused: no such room")			\
	X(refused_denied, "refused: password or token")			\
	X(refused_malformed, "refused: malformed request")		\
	X(refused_unable, "refused: table full or shutting down")	\
	X(refused_rate, "refused: rate limit of a source")		\
	X(lists_old, "lists given as they were: rate limit of a source") \
	X(closed_timeout, "closed: request not whole in time")		\
	X(closed_half_open, "closed: too many half-open requests")	\
	X(closed_answered, "closed: too many answered, and left open")	\
	X(closed_slow, "closed: did not read its answer")		\
	X(closed_error, "closed: the peer vanished in a request")	\
	X(accept_failed, "accept failed")				\
	X(no_memory, "allocations that failed")				\
	X(rooms_created, "rooms created")				\
	X(rooms_closed, "rooms closed")					\
	X(joined, "members joined")					\
	X(left, "members left by themselves")				\
	X(removed_idle, "members removed: idle")			\
	X(removed_unreachable, "members removed: port unreachable")	\
	X(removed_operator, "members removed by the operator")		\
	X(removed_harmful, "members removed: their datagrams killed relayd") \
	X(ports_registered, "UDP ports registered over TCP")		\
	X(queries_lost, "questions of ocmctl that got no answer")	\
	X(recoveries, "half-done transactions undone")			\
	X(bells_lost, "doorbells not sent, the socket was full")

#define RELAY_COUNTERS(X)						\
	X(received, "datagrams received")				\
	X(messages, "messages relayed")					\
	X(deliveries, "copies sent")					\
	X(keepalives, "empty messages")					\
	X(drop_short, "dropped: shorter than a header")			\
	X(drop_long, "dropped: longer than 4096 bytes")			\
	X(drop_malformed, "dropped: sizes do not fit")			\
	X(drop_token, "dropped: unknown or dead token")			\
	X(drop_room, "dropped: token of another room")			\
	X(drop_address, "dropped: token from another address")		\
	X(drop_own, "dropped: a member's, but from a socket of our own") \
	X(drop_rate, "dropped: member over its rate")			\
	X(drop_unread, "dropped unread: after others in their bundle")	\
	X(drop_json, "dropped unread: JSON, after others that were nothing") \
	X(drop_stale, "dropped: table not readable in time")		\
	X(drop_talker, "dropped: too much, newest of who talks the most") \
	X(drop_busy, "dropped: newest of the busiest room, or one that ended") \
	X(drop_source, "dropped: too much, newest of the busiest address") \
	X(bundles, "sends of several messages at once")			\
	X(bundles_split, "sends of several that had to go singly")	\
	X(copy_unsendable, "copies dropped: the send buffer was full")	\
	X(copy_form, "copies dropped: the form cannot carry them")	\
	X(copy_unknown_port, "copies dropped: port not yet known")	\
	X(receive_errors, "receive errors, of nothing that was sent")	\
	X(send_errors, "send errors other than a full buffer")		\
	X(unreachable, "port unreachable answers")			\
	X(ports_learned, "source ports learned or changed")		\
	X(ports_held, "source port changes held: once a second")	\
	X(answers_dropped, "answers not sent: too many to one member")	\
	X(notices, "notices sent")					\
	X(notices_dropped, "notices dropped: rate or room size")	\
	X(leave_words, "members that left by a word")			\
	X(wishes_idle, "members found idle")				\
	X(wishes_unreachable, "members found unreachable")		\
	X(deaths_in_hand, "deaths with a member's datagram in hand")	\
	X(wishes_harmful, "members found harmful")			\
	X(lobby_received, "lobby datagrams received")			\
	X(lobby_messages, "lobby messages relayed")			\
	X(lobby_deliveries, "lobby copies sent")			\
	X(lobby_drop_malformed, "lobby datagrams dropped: malformed")	\
	X(lobby_drop_full, "lobby datagrams dropped: lobby full")	\
	X(lobby_drop_own, "lobby datagrams dropped: from a socket of our own") \
	X(lobby_joined, "lobby clients added")				\
	X(lobby_removed_idle, "lobby clients removed: idle")		\
	X(lobby_removed_malformed, "lobby clients removed: malformed")	\
	X(lobby_removed_unreachable, "lobby clients removed: unreachable") \
	X(table_scans, "whole-table scans")				\
	X(bells_lost, "doorbells not sent, the socket was full")

#define COUNTER_ENUM_ROOM(name, text) RC_##name,
#define COUNTER_ENUM_RELAY(name, text) LC_##name,
enum room_counter { ROOM_COUNTERS(COUNTER_ENUM_ROOM) RC_COUNT };
enum relay_counter { RELAY_COUNTERS(COUNTER_ENUM_RELAY) LC_COUNT };

extern const char *const room_counter_names[RC_COUNT];
extern const char *const room_counter_texts[RC_COUNT];
extern const char *const relay_counter_names[LC_COUNT];
extern const char *const relay_counter_texts[LC_COUNT];

static inline void
counter_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c,
	    atomic_load_explicit(c, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

#endif
