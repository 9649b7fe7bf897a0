/*
 * sensor_daemon.h - what the verbs about the daemon's sensors share.
 */
#ifndef LAN_CLI_SENSOR_DAEMON_H
#define LAN_CLI_SENSOR_DAEMON_H

#include <jansson.h>
#include "cli/verb.h"

/* {"slave": ID, "name": --name}; `id` NULL: none. NULL after having said that it is no number. */
json_t *sensor_args(const struct cli *cli, const char *id);

extern const struct opt sensor_get_opts[], sensor_put_opts[], sensor_observe_opts[], sensor_name_opts[],
	sensor_log_opts[];
extern const char *const sensor_list_examples[],
	*const sensor_show_examples[],
		*const sensor_watch_examples[],
			*const sensor_get_examples[],
				*const sensor_put_examples[],
					*const sensor_post_examples[],
						*const sensor_delete_examples[],
							*const sensor_observe_examples[],
								*const sensor_log_examples[],
									*const sensor_poke_examples[];

#endif
