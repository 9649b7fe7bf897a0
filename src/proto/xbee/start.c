/*
 * start.c - getting a module ready, see xbee.h and sos.md section 3.3: silence, +++, silence, and AT
 * commands.
 *
 * The module answers `OK` or `ERROR`, with CR behind it, in any pieces; before it takes notice of +++ it may
 * still hand over frames, so an answer is a line that ends so, whatever stands before. Each command is given
 * up after some time, and all of it begins again after a pause that grows.
 *
 * Before that, if the owner wants it, the module is asked by frames what it is set to. It answers all of that
 * within a few octets' time if it was initialised by us (and kept its power, or has saved its settings).
 */
#include <string.h>
#include "proto/xbee/xbee_int.h"

#define PROBE       LAN_MS(300) /* and the time of some octets, both ways */
#define PROBE_BYTES 100
#define PAUSE_FIRST LAN_MS(500)
#define PAUSE_LAST  LAN_SEC(30)

static const char digits[] = "0123456789abcdef";

/* ---- what is to be set ------------------------------------------------------------------ */

enum setting { MY, ID, CH, MM, AP, SETTINGS };
static const char names[SETTINGS][3] = {"MY", "ID", "CH", "MM", "AP"};

/* The value, as the module has it: octets with the most significant first. */
static size_t value_of(const struct xbee_config *c, enum setting s, uint8_t v[2])
{
	switch (s) {
	case MY:
		v[0] = c->addr[1], v[1] = c->addr[0];
		return 2;
	case ID:
		v[0] = c->panid[1], v[1] = c->panid[0];
		return 2;
	case CH:
		v[0] = c->channel;
		return 1;
	case MM:
		v[0] = 2; /* IEEE 802.15.4 with acknowledgements, without a header of Digi's */
		return 1;
	default:
		v[0] = (uint8_t)c->mode;
		return 1;
	}
}

/* Speeds the module knows by number; others it takes as they are. */
static unsigned baud_number(uint32_t baud)
{
	static const uint32_t known[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i] == baud)
			return i;
	return baud;
}

/* ---- commands ------------------------------------------------------------------------------ */

/* Before them all comes +++. */
enum step { PLUS, RESET, BAUD, FIRST_SETTING, SAVE = FIRST_SETTING + SETTINGS, LEAVE, STEPS };

static bool is_wanted(const struct xbee_config *c, unsigned step)
{
	return step == RESET ? !c->no_reset : step == BAUD ? c->baud != 9600 : step == SAVE ? c->save : true;
}

static char *put_hex(char *p, unsigned long v, unsigned least)
{
	for (unsigned n = 8; n; n--)
		if (n <= least || v >> 4 * (n - 1))
			*p++ = digits[v >> 4 * (n - 1) & 15];
	return p;
}

/* As the originals write it: two digits to an octet of address, PAN and channel, one to the rest. */
static char *put_setting(const struct xbee_config *c, enum setting s, char *p)
{
	uint8_t v[2];
	size_t n = value_of(c, s, v);
	memcpy(p, names[s], 2);
	p += 2;
	for (size_t i = 0; i < n; i++)
		p = put_hex(p, v[i], s <= CH ? 2 : 1);
	return p;
}

/* Command `step`, without CR. */
static void write_command(struct xbee_modem *m)
{
	char *p = m->command;
	if (m->step == PLUS) {
		memcpy(p, "+++", 4);
		return;
	}
	*p++ = 'A', *p++ = 'T';
	if (m->step == BAUD) {
		*p++ = 'B', *p++ = 'D';
		p = put_hex(p, baud_number(m->cfg.baud), 1);
	} else if (m->step >= FIRST_SETTING && m->step < SAVE) {
		p = put_setting(&m->cfg, (enum setting)(m->step - FIRST_SETTING), p);
	} else {
		memcpy(p, m->step == RESET ? "RE" : m->step == SAVE ? "WR" : "CN", 2);
		p += 2;
	}
	*p = '\0';
}

/* The first one that is wanted, from `step` on; false: there are no more. */
static bool find_command(struct xbee_modem *m, unsigned step)
{
	while (step < STEPS && !is_wanted(&m->cfg, step))
		step++;
	m->step = (uint8_t)step;
	if (step < STEPS)
		write_command(m);
	return step < STEPS;
}

static void give_command(struct xbee_modem *m, lan_time now)
{
	xbee_out(m, m->command, strlen(m->command));
	if (m->step != PLUS)
		xbee_out(m, "\r", 1);
	m->line_len = 0;
	m->phase = XBEE_PH_COMMAND;
	m->due = now + m->cfg.answer + (m->step == PLUS ? m->cfg.guard : 0);
}

static void begin_guard(struct xbee_modem *m, lan_time now)
{
	m->phase = XBEE_PH_GUARD;
	m->due = now + m->cfg.guard;
}

static void fail(struct xbee_modem *m, lan_time now, enum lan_err err, const char *how)
{
	size_t n = strlen(m->command);
	memcpy(m->text, m->command, n);
	memcpy(m->text + n, how, strlen(how) + 1);
	m->counter[XBEE_C_init_failed]++;
	struct xbee_event *ev = xbee_push(m, XBEE_EV_FAILED, false);
	if (ev) {
		ev->err = err;
		ev->text = m->text;
	}
	m->pause = m->pause == 0 ? PAUSE_FIRST : m->pause < PAUSE_LAST / 2 ? m->pause * 2 : PAUSE_LAST;
	m->phase = XBEE_PH_PAUSE;
	m->due = now + m->pause;
}

static void ready(struct xbee_modem *m)
{
	m->phase = XBEE_PH_READY;
	m->due = LAN_NEVER;
	m->pause = 0;
	m->counter[XBEE_C_init_ok]++;
	xbee_parser_init(&m->parser, m->cfg.mode);
	(void)xbee_push(m, XBEE_EV_READY, false);
}

/* ---- answers ---------------------------------------------------------------------------------- */

static bool ends_with(const struct xbee_modem *m, const char *word)
{
	size_t n = strlen(word);
	return m->line_len >= n && !memcmp(m->line + m->line_len - n, word, n);
}

void xbee_start_octet(struct xbee_modem *m, lan_time now, uint8_t c)
{
	if (m->phase != XBEE_PH_COMMAND)
		return;
	if (c != '\r') {
		if (m->line_len == sizeof m->line)
			memmove(m->line, m->line + 1, --m->line_len);
		m->line[m->line_len++] = (char)c;
		return;
	}
	if (ends_with(m, "ERROR")) {
		fail(m, now, LAN_ERR_REFUSED, " was answered ERROR");
	} else if (ends_with(m, "OK")) {
		if (find_command(m, m->step + 1u))
			give_command(m, now);
		else
			ready(m);
	}
	m->line_len = 0;
}

void xbee_start_frame(struct xbee_modem *m, lan_time now, const struct xbee_frame *f)
{
	uint8_t want[2], got[2] = {0, 0};
	if (m->phase != XBEE_PH_PROBE || f->api != XBEE_AT_RESPONSE)
		return;
	unsigned s = f->frame_id - 1u;
	if (s >= SETTINGS || memcmp(f->at, names[s], 2))
		return;
	size_t n = value_of(&m->cfg, (enum setting)s, want), len = f->len;
	/* Some firmware answers with more octets than the value needs. */
	while (len > n && f->data[f->len - len] == 0)
		len--;
	memcpy(got, f->data + (f->len - len), len <= n ? len : 0);
	if (f->status || len != n || memcmp(got, want, n)) {
		begin_guard(m, now);
		return;
	}
	m->answered |= (uint8_t)(1u << s);
	if (m->answered == (1u << SETTINGS) - 1)
		ready(m);
}

/* ---- beginning ----------------------------------------------------------------------------------- */

static void probe(struct xbee_modem *m, lan_time now)
{
	m->phase = XBEE_PH_PROBE;
	m->due = now + PROBE + PROBE_BYTES * (LAN_SEC(10) / m->cfg.baud);
	m->answered = 0;
	for (unsigned s = 0; s < SETTINGS; s++) {
		struct xbee_frame f = {.api = XBEE_AT, .frame_id = (uint8_t)(s + 1)};
		memcpy(f.at, names[s], 2);
		xbee_out_frame(m, &f);
	}
}

void xbee_start(struct xbee_modem *m, lan_time now)
{
	xbee_parser_init(&m->parser, m->cfg.mode);
	m->out_at = m->out_len = 0;
	m->line_len = 0;
	m->pause = 0;
	if (m->cfg.probe)
		probe(m, now);
	else
		begin_guard(m, now);
}

void xbee_start_tick(struct xbee_modem *m, lan_time now)
{
	if (now < m->due)
		return;
	switch (m->phase) {
	case XBEE_PH_PROBE:
	case XBEE_PH_PAUSE:
		/* Not before all was written: the silence begins behind it. */
		begin_guard(m, now);
		break;
	case XBEE_PH_GUARD:
		(void)find_command(m, PLUS);
		give_command(m, now);
		break;
	case XBEE_PH_COMMAND:
		fail(m, now, LAN_ERR_TIMEOUT,
			m->step != PLUS ? " was not answered"
					: " was not answered: is this an XBee, and at this speed?");
		break;
	default:
		break;
	}
}
