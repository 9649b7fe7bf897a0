/*
 * errno_map.c - errno to enum lan_err. The grouping follows what a user can do
 * about it: EMFILE and ENFILE are a limit to raise, ENOBUFS is memory, a broken
 * pipe and a reset are the same event seen from two system calls.
 */
#include "io/errno_map.h"

#include <errno.h>
#include <netdb.h>

enum lan_err lan_err_from_errno(int err)
{
	static const struct {
		int number;
		enum lan_err err;
	} map[] = {
		{0, LAN_OK},
		{EAGAIN, LAN_ERR_AGAIN},
		{EINPROGRESS, LAN_ERR_AGAIN},
		{ENOMEM, LAN_ERR_NOMEM},
		{ENOBUFS, LAN_ERR_NOMEM},
		{EMFILE, LAN_ERR_LIMIT},
		{ENFILE, LAN_ERR_LIMIT},
		{ECONNREFUSED, LAN_ERR_REFUSED},
		{ECONNRESET, LAN_ERR_RESET},
		{ECONNABORTED, LAN_ERR_RESET},
		{EPIPE, LAN_ERR_RESET},
		{ETIMEDOUT, LAN_ERR_TIMEOUT},
		{EHOSTUNREACH, LAN_ERR_UNREACH},
		{ENETUNREACH, LAN_ERR_UNREACH},
		{ENETDOWN, LAN_ERR_UNREACH},
		{EHOSTDOWN, LAN_ERR_UNREACH},
		{EACCES, LAN_ERR_PERM},
		{EPERM, LAN_ERR_PERM},
		{EADDRINUSE, LAN_ERR_ADDRINUSE},
		{EADDRNOTAVAIL, LAN_ERR_ADDR},
		{EAFNOSUPPORT, LAN_ERR_ADDR},
		{ENOENT, LAN_ERR_NOTFOUND},
		{ENODEV, LAN_ERR_NOTFOUND},
		{ENXIO, LAN_ERR_NOTFOUND},
		{EEXIST, LAN_ERR_EXISTS},
		{EINVAL, LAN_ERR_INVAL},
		{EMSGSIZE, LAN_ERR_TOOBIG},
		{EOPNOTSUPP, LAN_ERR_NOTSUP},
		{ENOSYS, LAN_ERR_NOTSUP},
	};
	if (err < 0)
		err = -err;
	for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
		if (map[i].number == err)
			return map[i].err;
	return LAN_ERR_IO;
}

enum lan_err lan_err_from_eai(int eai, int err)
{
	switch (eai) {
	case 0:
		return LAN_OK;
	case EAI_MEMORY:
		return LAN_ERR_NOMEM;
	case EAI_AGAIN: /* no name server answered: the network's fault, not the name's */
		return LAN_ERR_UNREACH;
	case EAI_SYSTEM:
		return lan_err_from_errno(err);
	default:
		return LAN_ERR_ADDR;
	}
}
