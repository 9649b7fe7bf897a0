/*
 * four_clients_server.c - a server for four boards with the ids 1 to 4 (see
 * board.c, or the original project's c_app on a real board).
 *
 *      four_clients_server [ADDR:PORT [PERIOD]]
 *
 * Every PERIOD seconds (default 5) each board that is up is sent a JSON list:
 * [count, the count it sent last, the free memory it sent last].
 */
#include "demo.h"
#include "values.h"

static const char *const ids[] = {"1", "2", "3", "4"};
enum { BOARDS = 4 };

static struct board {
	long count, free_memory; /* as it sent them */
	long sent;
} boards[BOARDS];

static struct board *board_of(const char *id)
{
	for (int i = 0; i < BOARDS; i++)
		if (strcmp(id, ids[i]) == 0)
			return &boards[i];
	return NULL;
}

static void handle(const struct lan_link_event *ev)
{
	struct board *b = board_of(ev->id);
	long got[3];
	switch (ev->kind) {
	case LAN_LINK_UP:
		printf("board %s is up, connection %u%s\n", ev->id, ev->connects,
			ev->expected ? "" : " (nobody expected it)");
		break;
	case LAN_LINK_DOWN:
		printf("board %s is down: %s\n", ev->id, ev->reason);
		break;
	case LAN_LINK_ALL_UP:
		printf("all boards have connected\n");
		break;
	case LAN_LINK_MESSAGE:
		printf("board %s: %s\n", ev->id, ev->line);
		if (b && numbers(ev->line, got, 3) == 3) {
			b->count = got[1];
			b->free_memory = got[2];
		}
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	struct lan_loop *loop = open_loop();
	struct lan_link *link = open_server(loop, argc > 1 ? argv[1] : NULL, ids, BOARDS);
	lan_time period = period_of(argc > 2 ? argv[2] : NULL, 5), next = lan_loop_now(loop) + period;
	struct lan_link_event ev;
	struct lan_link_status st;

	for (;;) {
		lan_time now = lan_loop_now(loop);
		if (now < next)
			lan_loop_run(loop, next - now);
		while (lan_link_event(link, &ev))
			handle(&ev);
		if (lan_loop_now(loop) < next)
			continue;
		next += period;
		for (int i = 0; i < BOARDS; i++)
			if (lan_link_status(link, ids[i], &st) == LAN_OK && st.up)
				send_line(link, ids[i], LAN_LINK_QOS | LAN_LINK_WAIT, "[%ld, %ld, %ld]",
					boards[i].sent++, boards[i].count, boards[i].free_memory);
	}
}
