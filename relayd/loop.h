/* SPDX-License-Identifier: ISC */
/*
 * relayd's only loop: sockets, ocmd's orders, roomd's bell and the time.
 */
#ifndef RELAYD_LOOP_H
#define RELAYD_LOOP_H

#include "relay.h"

/* Until ocmd says stop or is gone; returns the exit status. */
int	loop_run(struct relay *);

#endif
