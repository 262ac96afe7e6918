#!/bin/sh
# After removal. The queue stays, even after a purge: it can hold sales that
# are not delivered yet.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
case "$1" in
purge | 0)
	if [ -e /var/lib/private/relay ] || [ -e /var/lib/relay ]; then
		echo "relay's queue is still in /var/lib/private/relay; remove it if you no longer need its events."
	fi
	;;
esac
