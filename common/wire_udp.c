/* SPDX-License-Identifier: ISC */
/*
 * Datagrams of rooms and of the lobby.  relayd reads with these, before it
 * knows anything of the sender.
 */
#include "cursor.h"
#include "name.h"
#include "wire_udp.h"

bool
udp_split_token(struct room_datagram *d, const uint8_t *bytes, size_t len)
{
	struct reader r = reader_make(bytes, len);

	d->room_len = reader_u8(&r);
	d->token_len = reader_u8(&r);
	d->room = reader_bytes(&r, d->room_len);
	d->token = reader_bytes(&r, d->token_len);
	d->msg = r.p;
	d->msg_len = r.left;
	return !r.bad && len <= DATAGRAM_MAX;
}

bool
udp_split_bare(struct room_datagram *d, const uint8_t *bytes, size_t len)
{
	struct reader r = reader_make(bytes, len);

	d->room_len = reader_u8(&r);
	d->msg_len = reader_u8(&r);
	d->room = reader_bytes(&r, d->room_len);
	d->msg = reader_bytes(&r, d->msg_len);
	d->token = NULL;
	d->token_len = 0;
	return !r.bad && r.left == 0;
}

bool
udp_split_lobby(struct lobby_datagram *d, const uint8_t *bytes, size_t len)
{
	struct reader r = reader_make(bytes, len);

	d->user_len = reader_u8(&r);
	d->user = reader_bytes(&r, d->user_len);
	d->msg = r.p;
	d->msg_len = r.left;
	return !r.bad && len <= DATAGRAM_MAX &&
	    name_valid(d->user, d->user_len);
}
