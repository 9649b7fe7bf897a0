--[[
lanyard-neighbor.lua - Wireshark's view of the neighbour family: LSOE-01 (the wire of the daemon lsoed) and L3DL.

Put it into Wireshark's folder of personal Lua plugins (Help, About, Folders), or try it with

    wireshark -X lua_script:lanyard-neighbor.lua
    tshark -X lua_script:lanyard-neighbor.lua -r FILE -Y 'lsoe.type == 1'

Fields are lsoe.* and l3dl.*, the same words in both where they mean the same. Checksums are verified, fragments
are put together (once for each sender, receiver and interface; see reassembly below), and what is wrong is an
expert info: filter by lsoe.fault or l3dl.fault. Sections cited are those of docs/protocols/lsoe.md.

Needs Wireshark 3.6 or later; only arithmetic of plain Lua, so any Lua that Wireshark was built with.
]]

local PATIENCE = 1.0 -- seconds that fragments wait for the rest (section 1.5)
local LANYARD = 0x4C414E59 -- enterprise number of what two of ours tell each other (section 3)

-- Section 1.4; a permutation of 0..255.
local TABLE_HEX = "a3d70983f848f6f4b321157899b1aff9e72d4d8ace4cca2e5295d91e4e3844280adf02a017f16068" ..
	"12b77ac3e9fa3d5396846bbaf2639a197caee5f5f7166aa239b67b0fc193811beeb41aead0912fb8" ..
	"55b9da853f41bfe05a58805f660bd89035d5c0a733066569450094566d989b7697fcb2c2b0fedb20" ..
	"e1ebd6e4dd474a1d42ed9e6e493ccd4327d207d4dec7671889cb301f8dc68faac874dcc95d5c31a4" ..
	"7088612c9f0d2b8750825464267d0340344b1c73d1c4fd3bccfb7fabe63e5ba5ad04239c145122f0" ..
	"2979717eff8c0ee20cefbc72756f37a1ecd38e628b8610e8087711be924f24c532369dcff3a6bbac" ..
	"5e6ca9135725b5e3bda83a0105592a46"
local FTABLE = {}
for pair in TABLE_HEX:gmatch("%x%x") do
	FTABLE[#FTABLE + 1] = tonumber(pair, 16)
end

local TYPES = {
	[0] = "HELLO", [1] = "OPEN", [2] = "KEEPALIVE", [3] = "ACK", [4] = "IPV4", [5] = "IPV6",
	[6] = "MPLS4", [7] = "MPLS6", [255] = "VENDOR",
}
local TYPES_L3DL = { [8] = "NEWKEY", [9] = "ULPC" }
for number, name in pairs(TYPES) do
	TYPES_L3DL[number] = name
end
local ETYPES = { [0] = "no error", [1] = "warning", [2] = "restart the session", [3] = "hopeless" }
local ALGORITHMS = {
	[0] = "none", [8] = "RSASHA256", [10] = "RSASHA512", [13] = "ECDSAP256SHA256", [14] = "ECDSAP384SHA384",
	[15] = "ED25519", [16] = "ED448",
}
local CHECKSUM = { [0] = "Bad", [1] = "Good" }

-- What differs between the dialects (section 2.10).
local LSOE = {
	name = "lsoe", title = "LSOE-01 neighbour", ethertype = 0x8885, header = 8, length_at = 2, checksum_at = 4,
	types = TYPES, codes = { [0] = "none", [1] = "link addressing conflict", [2] = "authorisation failure in OPEN" },
	max_code = 2, fragments = 128,
}
local L3DL = {
	name = "l3dl", title = "L3DL neighbour", ethertype = 0x88b5, header = 12, length_at = 6, checksum_at = 8,
	types = TYPES_L3DL, max_code = 4, fragments = 4096, l3dl = true,
	codes = {
		[0] = "none", [1] = "checksum error", [2] = "link addressing conflict", [3] = "authorisation failure",
		[4] = "announce/withdraw error",
	},
}
LSOE.other, L3DL.other = L3DL, LSOE

-- Not there in a first pass that builds no tree (tshark -2): links are not told apart then.
local frame_iface = Field.new("frame.interface_id")

------------------------------------------------------------------ fields

local function describe(d)
	local n, f, list = d.name, {}, {}
	local function add(key, make, label, ...)
		f[key] = make(n .. "." .. key, label, ...)
		list[#list + 1] = f[key]
	end
	local P = ProtoField
	add("version", P.uint8, "Version")
	if d.l3dl then
		add("tsn", P.uint16, "Transmission sequence number")
	end
	add("last", P.bool, "Last datagram of the PDU")
	add("number", P.uint32, "Datagram number")
	add("length", P.uint16, "Datagram length")
	add("checksum", P.uint32, "Checksum", base.HEX)
	add("checksum.status", P.uint8, "Checksum status", base.DEC, CHECKSUM)
	add("checksum.calculated", P.uint32, "Checksum calculated", base.HEX)
	add("payload", P.bytes, "Part of a PDU")
	add("padding", P.bytes, "Padding of the frame")
	add("lanyard.version", P.uint8, "Lanyard, version of what it adds")
	add("lanyard.measures", P.bool, "It measures", 8, nil, 0x01)
	add("fragment", P.framenum, "Fragment in frame", base.NONE, frametype.NONE)
	add("reassembled_in", P.framenum, "Reassembled in frame", base.NONE, frametype.NONE)
	add("fault", P.string, "Fault")
	add("type", P.uint8, "PDU type", base.DEC, d.types)
	add("pdu_length", P.uint32, d.l3dl and "Payload length" or "PDU length")
	add("open.nonce", P.bytes, "Nonce")
	if d.l3dl then
		add("open.id_length", P.uint8, "LLEI length")
	end
	add("open.id", P.bytes, d.l3dl and "My LLEI" or "My ID", base.COLON)
	add("open.attribute_count", P.uint8, "Attributes")
	add("open.attribute", P.uint8, "Attribute")
	if d.l3dl then
		add("open.auth_type", P.uint8, "Algorithm of the key", base.DEC, ALGORITHMS)
		add("open.key_length", P.uint16, "Key length")
		add("open.key", P.bytes, "Key")
		add("open.cert_length", P.uint16, "Certificate length")
		add("open.cert", P.bytes, "Certificate")
		add("open.serial", P.uint32, "Serial number to go on after")
	else
		add("open.auth_length", P.uint16, "Authentication length")
		add("open.auth", P.bytes, "Authentication data")
	end
	add("ack.type", P.uint8, "Type acknowledged", base.DEC, d.types)
	add("ack.etype", P.uint16, "Error type", base.DEC, ETYPES, 0xf000)
	add("ack.code", P.uint16, "Error code", base.DEC, d.codes, 0x0fff)
	add("ack.hint", P.uint16, "Error hint")
	add("count", P.uint32, "Entries")
	if d.l3dl then
		add("serial", P.uint32, "Serial number")
	end
	add("entry", P.string, "Entry")
	add("entry.flags", P.uint8, "Flags", base.HEX)
	if d.l3dl then
		add("entry.announce", P.bool, "Announce (else withdraw)", 8, nil, 0x80)
		add("entry.primary", P.bool, "Primary", 8, nil, 0x40)
		add("entry.underlay", P.bool, "Underlay (else overlay)", 8, nil, 0x20)
		add("entry.loopback", P.bool, "Loopback", 8, nil, 0x10)
	else
		add("entry.primary", P.bool, "Primary", 8, nil, 0x80)
		add("entry.loopback", P.bool, "Loopback", 8, nil, 0x40)
	end
	add("entry.label_count", P.uint8, "Labels")
	add("entry.label", P.uint24, "Label", base.DEC, nil, 0xfffff0)
	add("entry.label.exp", P.uint24, "Experimental bits", base.DEC, nil, 0x00000e)
	add("entry.label.bottom", P.bool, "Bottom of stack", 24, nil, 0x000001)
	add("entry.address4", P.ipv4, "Address")
	add("entry.address6", P.ipv6, "Address")
	add("entry.prefix_length", P.uint8, "Prefix length")
	add("vendor.enterprise", P.uint32, "Enterprise number")
	add("vendor.type", P.uint8, "Enterprise type")
	add("vendor.data", P.bytes, "Enterprise data")
	add("measure.version", P.uint8, "Measurement, version")
	add("measure.sequence", P.uint32, "Sequence")
	add("measure.time", P.uint64, "Time of the sender (ns)")
	add("measure.echo", P.uint64, "Time echoed (ns)")
	add("measure.held", P.uint64, "Held between the two (ns)")
	add("measure.sent", P.uint32, "KEEPALIVEs sent")
	add("measure.received", P.uint32, "KEEPALIVEs received")
	if d.l3dl then
		add("newkey.type", P.uint8, "Algorithm of the new key", base.DEC, ALGORITHMS)
		add("newkey.key_length", P.uint16, "New key length")
		add("newkey.key", P.bytes, "New key")
		add("newkey.cert_length", P.uint16, "New certificate length")
		add("newkey.cert", P.bytes, "New certificate")
		add("ulpc.type", P.uint8, "Upper layer", base.DEC, { [1] = "BGP" })
		add("ulpc.count", P.uint8, "Attributes")
		add("ulpc.attribute", P.uint8, "Attribute", base.DEC,
			{ "My ASN", "IPv4 peering address", "IPv6 peering address", "Authentication data", "Flags" })
		add("ulpc.attribute_length", P.uint8, "Attribute length")
		add("ulpc.asn", P.uint32, "My ASN")
		add("ulpc.address4", P.ipv4, "IPv4 peering address")
		add("ulpc.prefix4", P.uint8, "IPv4 prefix length")
		add("ulpc.address6", P.ipv6, "IPv6 peering address")
		add("ulpc.prefix6", P.uint8, "IPv6 prefix length")
		add("ulpc.auth", P.bytes, "Authentication data")
		add("ulpc.gtsm", P.bool, "GTSM wanted", 16, nil, 0x8000)
		add("signature.type", P.uint8, "Signature type", base.DEC, ALGORITHMS)
		add("signature.length", P.uint16, "Signature length")
		add("signature", P.bytes, "Signature")
	end
	d.f = f
	return list
end

local function make_proto(d)
	d.proto = Proto(d.name, d.title)
	d.proto.fields = describe(d)
	d.x = {
		malformed = ProtoExpert.new(d.name .. ".malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR),
		checksum = ProtoExpert.new(d.name .. ".bad_checksum", "Wrong checksum", expert.group.CHECKSUM,
			expert.severity.ERROR),
		fragment = ProtoExpert.new(d.name .. ".bad_fragment", "Fragment", expert.group.SEQUENCE, expert.severity.WARN),
		error = ProtoExpert.new(d.name .. ".error_ack", "Error acknowledgement", expert.group.RESPONSE_CODE,
			expert.severity.NOTE),
	}
	d.proto.experts = { d.x.malformed, d.x.checksum, d.x.fragment, d.x.error }
	d.proto.prefs.ethertypes = Pref.range("EtherTypes", tostring(d.ethertype), "EtherTypes that carry it", 65535)
	d.proto.prefs.recognise = Pref.bool("Recognise the other dialect", true,
		"A frame whose checksum is right for the other dialect only is shown as that")
end
make_proto(LSOE)
make_proto(L3DL)

------------------------------------------------------------------ checksum and reader

local function checksum(octets, at)
	local sum, table_of = { 0, 0, 0, 0 }, FTABLE
	for i = 1, #octets do
		local octet = (i > at and i <= at + 4) and 0 or octets:byte(i)
		local lane = (i - 1) % 4 + 1
		sum[lane] = sum[lane] + table_of[octet + 1]
	end
	local v = ((sum[1] * 256 + sum[2]) * 256 + sum[3]) * 256 + sum[4]
	for _ = 1, 2 do
		v = math.floor(v / 4294967296) + v % 4294967296
	end
	return v
end

-- Is this a datagram of the dialect, checksum included?
local function fits(d, tvb)
	if tvb:len() < d.header or tvb(0, 1):uint() ~= 0 then
		return false
	end
	local length = tvb(d.length_at, 2):uint()
	return length >= d.header and length <= tvb:len()
		and checksum(tvb:raw(0, length), d.checksum_at) == tvb(d.checksum_at, 4):uint()
end

-- Takes octets off a part of a buffer; fails for good, and gives nil from then on, when they are not there.
local Reader = {}
Reader.__index = Reader

function Reader.of(tvb, from, to)
	return setmetatable({ tvb = tvb, at = from, to = to, bad = false }, Reader)
end

function Reader:left()
	return self.bad and 0 or self.to - self.at
end

function Reader:take(n)
	if self.bad or n > self.to - self.at then
		self.bad = true
		return nil
	end
	self.at = self.at + n
	return n > 0 and self.tvb(self.at - n, n) or nil
end

-- The next n octets as a field of the tree: their number, or the range.
function Reader:field(tree, field, n)
	local range = self:take(n)
	if not range then
		return nil
	end
	tree:add(field, range)
	return n <= 4 and range:uint() or range
end

------------------------------------------------------------------ PDUs

local function open_pdu(d, r, tree)
	local f = d.f
	r:field(tree, f["open.nonce"], 4)
	local id_length = d.l3dl and (r:field(tree, f["open.id_length"], 1) or 0) or 10
	r:field(tree, f["open.id"], id_length)
	local count = r:field(tree, f["open.attribute_count"], 1) or 0
	for _ = 1, count do
		if not r:field(tree, f["open.attribute"], 1) then
			break
		end
	end
	if not d.l3dl then
		local length = r:field(tree, f["open.auth_length"], 2) or 0
		r:field(tree, f["open.auth"], length)
		if length == 0 then
			r:take(r:left()) -- ignored, as the original does (section 1.6)
		end
		return nil
	end
	local algorithm = r:field(tree, f["open.auth_type"], 1) or 0
	local key, cert = r:field(tree, f["open.key_length"], 2) or 0, 0
	r:field(tree, f["open.key"], key)
	if algorithm ~= 0 then
		cert = r:field(tree, f["open.cert_length"], 2) or 0
		r:field(tree, f["open.cert"], cert)
	end
	local serial = r:field(tree, f["open.serial"], 4)
	if serial and ((algorithm == 0) ~= (key == 0) or key > 1040 or cert > 1024) then
		return "authentication data that is not understood"
	end
	return nil
end

local function acked(d, kind)
	return d.types[kind] ~= nil and kind ~= 0 and kind ~= 2 and kind ~= 3
end

local function ack_pdu(d, r, tree, pinfo)
	local f = d.f
	local kind, error_at = r:field(tree, f["ack.type"], 1), r:take(2)
	if not error_at then
		return nil
	end
	local etype, code = math.floor(error_at:uint() / 4096), error_at:uint() % 4096
	tree:add(f["ack.etype"], error_at)
	local item = tree:add(f["ack.code"], error_at)
	local hint = r:field(tree, f["ack.hint"], 2)
	pinfo.cols.info:append(" of " .. (d.types[kind] or tostring(kind)))
	if etype ~= 0 then
		local text = string.format("%s: %s", ETYPES[etype] or "reserved", d.codes[code] or tostring(code))
		item:add_proto_expert_info(d.x.error, "Error acknowledgement, " .. text)
		pinfo.cols.info:append(", " .. text)
	end
	local possible = acked(d, kind) and etype <= 3
	if etype == 0 then
		possible = possible and code == 0 and hint == 0
	else
		possible = possible and code >= 1 and code <= d.max_code
	end
	return not possible and "ACK of a type that is not acknowledged, or with an impossible error" or nil
end

local function flag_words(d, flags, words)
	local function on(bit)
		return math.floor(flags / bit) % 2 == 1
	end
	local function say(yes, word)
		words[#words + 1] = yes and word or nil
	end
	if d.l3dl then
		say(not on(0x80), "withdrawn")
		say(on(0x40), "primary")
		say(on(0x10), "loopback")
		say(not on(0x20), "overlay")
	else
		say(on(0x80), "primary")
		say(on(0x40), "loopback")
	end
end

-- One entry below the tree; false: it is not all there.
local function entry(d, r, tree, kind)
	local f, from, words = d.f, r.at, {}
	local labels, wide = kind >= 6, kind % 2 == 1
	local flags = r:take(1)
	local count_at = labels and flags and r:take(1) or nil
	local count = count_at and count_at:uint() or 0
	local stack_from = r.at
	r:take(3 * count)
	local address, prefix = r:take(wide and 16 or 4), r:take(1)
	if not prefix then
		return false
	end
	local bits = prefix:uint()
	words[1] = string.format("%s/%d", tostring(wide and address:ipv6() or address:ipv4()), bits)
	flag_words(d, flags:uint(), words)
	local item = tree:add(f.entry, r.tvb(from, r.at - from), table.concat(words, " "))
	item:add(f["entry.flags"], flags)
	for _, name in ipairs({ "announce", "primary", "underlay", "loopback" }) do
		if f["entry." .. name] then
			item:add(f["entry." .. name], flags)
		end
	end
	if count_at then
		item:add(f["entry.label_count"], count_at)
	end
	for i = 0, count - 1 do
		local three = r.tvb(stack_from + 3 * i, 3)
		item:add(f["entry.label"], three)
		item:add(f["entry.label.exp"], three)
		item:add(f["entry.label.bottom"], three)
	end
	item:add(f["entry.address" .. (wide and "6" or "4")], address)
	local last = item:add(f["entry.prefix_length"], prefix)
	if bits > (wide and 128 or 32) then
		last:add_proto_expert_info(d.x.malformed, "Prefix length longer than the address")
	end
	return true
end

local function entries_pdu(d, r, tree, pinfo, kind)
	local count = r:field(tree, d.f.count, d.l3dl and 3 or 2)
	if d.l3dl then
		r:field(tree, d.f.serial, 4)
	end
	if not count or r.bad then
		return nil
	end
	pinfo.cols.info:append(string.format(" %d entries", count))
	for _ = 1, count do
		if not entry(d, r, tree, kind) then
			return "PDU ends before its fields"
		end
	end
	return nil
end

local function measurement(d, tree, data)
	local f = d.f
	tree:add(f["measure.version"], data(0, 1))
	tree:add(f["measure.sequence"], data(4, 4))
	tree:add(f["measure.time"], data(8, 8))
	tree:add(f["measure.echo"], data(16, 8))
	tree:add(f["measure.held"], data(24, 8))
	tree:add(f["measure.sent"], data(32, 4))
	tree:add(f["measure.received"], data(36, 4))
end

local function vendor_pdu(d, r, tree, pinfo)
	local f = d.f
	if d.l3dl then
		r:field(tree, f.serial, 4)
	end
	local enterprise = r:field(tree, f["vendor.enterprise"], 4)
	local kind = r:field(tree, f["vendor.type"], 1)
	local length = r:left()
	if not kind or length == 0 then
		return nil
	end
	local data = r:take(length)
	local item = tree:add(f["vendor.data"], data)
	if enterprise == LANYARD and kind == 1 and length == 40 and data(0, 1):uint() == 1 then
		pinfo.cols.info:append(" measurement of Lanyard")
		measurement(d, item, data)
	end
	return nil
end

local function newkey_pdu(d, r, tree)
	local f = d.f
	local algorithm = r:field(tree, f["newkey.type"], 1)
	local key = r:field(tree, f["newkey.key_length"], 2)
	r:field(tree, f["newkey.key"], key or 0)
	local cert = r:field(tree, f["newkey.cert_length"], 2)
	r:field(tree, f["newkey.cert"], cert or 0)
	if not r.bad and (algorithm == 0 or key == 0 or key > 1040 or cert > 1024) then
		return "authentication data that is not understood"
	end
	return nil
end

local ULPC_SIZE = { 4, 5, 17, nil, 2 }

local function ulpc_value(d, r, tree, kind)
	local f = d.f
	if kind == 1 then
		return r:field(tree, f["ulpc.asn"], 4)
	elseif kind == 2 or kind == 3 then
		local family = kind == 2 and "4" or "6"
		r:field(tree, f["ulpc.address" .. family], kind == 2 and 4 or 16)
		local bits = r:field(tree, f["ulpc.prefix" .. family], 1)
		return bits and bits <= (kind == 2 and 32 or 128)
	elseif kind == 4 then
		r:field(tree, f["ulpc.auth"], r:left())
	else
		r:field(tree, f["ulpc.gtsm"], 2)
	end
	return true
end

local function ulpc_pdu(d, r, tree)
	local f, seen, wrong = d.f, {}, "upper-layer configuration not understood"
	local layer, count = r:field(tree, f["ulpc.type"], 1), r:field(tree, f["ulpc.count"], 1)
	if r.bad or layer ~= 1 then
		return wrong
	end
	for _ = 1, count do
		local kind, length = r:field(tree, f["ulpc.attribute"], 1), r:field(tree, f["ulpc.attribute_length"], 1)
		if r.bad or kind < 1 or kind > 5 or seen[kind] or length <= 2 then
			return wrong
		end
		if length - 2 > r:left() then
			r.bad = true
			return wrong
		end
		if ULPC_SIZE[kind] and ULPC_SIZE[kind] ~= length - 2 then
			return wrong
		end
		local value = Reader.of(r.tvb, r.at, r.at + length - 2)
		r:take(length - 2)
		seen[kind] = ulpc_value(d, value, tree, kind) or "wrong"
	end
	local asn_is_there = seen[1] and seen[1] ~= 0 and seen[1] ~= "wrong"
	if not asn_is_there or not (seen[2] or seen[3]) or seen[2] == "wrong" or seen[3] == "wrong" then
		return wrong
	end
	return nil
end

local function nothing_pdu(_, r)
	return r:left() > 0 and "HELLO or KEEPALIVE with a payload" or nil
end

local READ = {
	[0] = nothing_pdu, [1] = open_pdu, [2] = nothing_pdu, [3] = ack_pdu, [4] = entries_pdu, [5] = entries_pdu,
	[6] = entries_pdu, [7] = entries_pdu, [8] = newkey_pdu, [9] = ulpc_pdu, [255] = vendor_pdu,
}

local function trailer(d, r, tree, kind)
	local f = d.f
	local algorithm = r:field(tree, f["signature.type"], 1)
	local length = r:field(tree, f["signature.length"], 2)
	if r.bad then
		return "PDU ends before its fields"
	end
	if r:left() ~= length then
		return "PDU length does not match"
	end
	r:field(tree, f.signature, length)
	if (algorithm == 0) ~= (length == 0) or length > 1024 or (algorithm ~= 0 and kind == 0) then
		return "signature on a type without one, or null type with a length"
	end
	return nil
end

-- Everything of a whole PDU; nil, or what is wrong with it in the words of the decoder (src/proto/lsoe/pdu.h).
local function read_pdu(d, tvb, from, to, tree, pinfo)
	local r = Reader.of(tvb, from, to)
	local kind = r:field(tree, d.f.type, 1)
	local length = r:field(tree, d.f.pdu_length, d.l3dl and 4 or 2)
	if r.bad then
		return "PDU ends before its fields"
	end
	local name = d.types[kind]
	pinfo.cols.info:append(" " .. (name or "type " .. kind))
	local stop = d.l3dl and r.at + length or from + length
	if d.l3dl and stop > to or not d.l3dl and stop ~= to then
		return "PDU length does not match"
	end
	local payload, wrong = Reader.of(tvb, r.at, stop), nil
	if d.l3dl then
		wrong = trailer(d, Reader.of(tvb, stop, to), tree, kind)
	end
	if wrong or not name then
		return wrong or "unknown PDU type"
	end
	wrong = READ[kind](d, payload, tree, pinfo, kind)
	if payload.bad then
		return "PDU ends before its fields"
	end
	if not wrong and payload:left() > 0 then
		return "octets after the last field"
	end
	return wrong
end

------------------------------------------------------------------ reassembly

--[[
Frames are seen in order once, in the first pass; what came of each is kept under its number for every later
look at it. An assembly belongs to interface, sender and receiver, and with L3DL to the TSN. The rules are those of
the receiver (section 1.5; src/proto/lsoe/reasm.h says why): a number filled with the same octets is a repetition;
with others, or a second last one, a new assembly begins; so it does after a second of waiting. Fragments of the PDU
that came last are known for a second: they are a late repetition, unless all of them come again in order.
]]
local assemblies, results

function LSOE.proto.init()
	assemblies, results = {}, {}
end

local function key_of(d, pinfo, tsn)
	local iface = frame_iface()
	return table.concat({ d.name, iface and tostring(iface.value) or "", tostring(pinfo.dl_src),
		tostring(pinfo.dl_dst), tostring(tsn) }, "|")
end

local function fresh(key, now)
	assemblies[key] = { parts = {}, frames = {}, known = {}, began = now }
	return assemblies[key]
end

local function whole(a)
	if not a.last then
		return nil
	end
	local parts, frames = {}, {}
	for i = 0, a.last do
		if not a.parts[i] then
			return nil
		end
		parts[#parts + 1], frames[#frames + 1] = a.parts[i], a.frames[i]
	end
	return table.concat(parts), frames
end

local function all_below(a, number)
	for i = 0, number - 1 do
		if not a.parts[i] then
			return false
		end
	end
	return true
end

-- A fragment that is certainly new: what seemed known at its place and behind it was a late repetition.
local function make_way(a, number)
	for i in pairs(a.known) do
		if i >= number then
			a.parts[i], a.known[i] = nil, nil
			if a.last == i then
				a.last = nil
			end
		end
	end
end

-- nil: it fits; true: it is there; false: it does not fit.
local function same(a, h, payload)
	if a.parts[h.number] then
		return a.parts[h.number] == payload and (a.last == h.number) == h.last
	end
	local clashes = a.last and (h.last or h.number > a.last)
	for i in pairs(h.last and a.parts or {}) do
		clashes = clashes or i >= h.number
	end
	if clashes then
		return false
	end
	return nil
end

-- The PDU is complete: its frames learn where, and its fragments will be known for a while.
local function finish(key, a, pdu, frames, pinfo, now)
	local after = fresh(key, now)
	after.told, after.told_at, after.told_last = a.parts, now, a.last
	for _, number in ipairs(frames) do
		if number ~= pinfo.number and results[number] then
			results[number].into = pinfo.number
		end
	end
	return pdu
end

local function add_part(d, h, payload, pinfo)
	local key, now = key_of(d, pinfo, h.tsn), pinfo.abs_ts
	local a, note = assemblies[key] or fresh(key, now), nil
	if h.number >= d.fragments then
		return { note = "a number that no PDU can have" }
	end
	local fresh_told = a.told and now - a.told_at < PATIENCE
	local known = fresh_told and a.told[h.number] == payload and (a.told_last == h.number) == h.last
	local told, told_at, told_last = a.told, a.told_at, a.told_last
	local function renew(why)
		note = next(a.parts) and why or nil
		a = fresh(key, now)
		a.told, a.told_at, a.told_last = told, told_at, told_last
	end
	if next(a.parts) and now - a.began >= PATIENCE then
		renew("the fragments before waited too long and are given up")
	end
	if not known then
		make_way(a, h.number)
	end
	local there = same(a, h, payload)
	if there or known and not d.l3dl and (there == false or not all_below(a, h.number)) then
		return { note = "fragment received again" }
	elseif there == false then
		renew("it does not fit the fragments before, which are given up")
	end
	if not next(a.parts) then
		a.began = now
	end
	a.parts[h.number], a.frames[h.number], a.known[h.number] = payload, pinfo.number, known or nil
	a.last = h.last and h.number or a.last
	local pdu, frames = whole(a)
	return { note = note, pdu = pdu and finish(key, a, pdu, frames, pinfo, now), frames = frames }
end

-- A datagram of several: what came of it.
local function assemble(d, h, payload, pinfo)
	if not pinfo.visited and not results[pinfo.number] then
		results[pinfo.number] = add_part(d, h, payload, pinfo)
	end
	return results[pinfo.number] or {}
end

------------------------------------------------------------------ datagrams

local function show_padding(d, range, tree)
	local item = tree:add(d.f.padding, range)
	if range:len() >= 8 and range(0, 4):uint() == LANYARD and range(4, 1):uint() == 1 then
		item:add(d.f["lanyard.version"], range(4, 1))
		item:add(d.f["lanyard.measures"], range(5, 1))
	end
end

local function show_header(d, tvb, tree)
	local f, h = d.f, {}
	tree:add(f.version, tvb(0, 1))
	local at = 1
	if d.l3dl then
		h.tsn = tvb(1, 2):uint()
		tree:add(f.tsn, tvb(1, 2))
		at = 3
	end
	local head = tvb(at, 1):uint()
	h.last, h.number = head >= 128, head % 128
	tree:add(f.last, tvb(at, 1), h.last)
	if d.l3dl then
		h.number = h.number * 65536 + tvb(4, 2):uint()
		tree:add(f.number, tvb(3, 3), h.number)
	else
		tree:add(f.number, tvb(1, 1), h.number)
	end
	tree:add(f.length, tvb(d.length_at, 2))
	h.length = tvb(d.length_at, 2):uint()
	h.checksum_item = tree:add(f.checksum, tvb(d.checksum_at, 4))
	return h
end

local function fault(d, item, tree, pinfo, x, text)
	local made = tree:add(d.f.fault, text)
	made.generated = true
	item:add_proto_expert_info(x, text)
	pinfo.cols.info:append(" [" .. text .. "]")
end

local function show_checksum(d, tvb, tree, h)
	local right = checksum(tvb:raw(0, h.length), d.checksum_at)
	local good = right == tvb(d.checksum_at, 4):uint()
	local status = tree:add(d.f["checksum.status"], tvb(d.checksum_at, 4), good and 1 or 0)
	status.generated = true
	if not good then
		local calculated = tree:add(d.f["checksum.calculated"], tvb(d.checksum_at, 4), right)
		calculated.generated = true
	end
	return good
end

local function show_fragments(d, h, tvb, tree, pinfo)
	local f = d.f
	local payload = h.length > d.header and tvb:raw(d.header, h.length - d.header) or ""
	local came = assemble(d, h, payload, pinfo)
	pinfo.cols.info:append(string.format(" datagram %d%s", h.number, h.last and ", the last" or ""))
	if h.length > d.header then
		tree:add(f.payload, tvb(d.header, h.length - d.header))
	end
	if came.note then
		tree:add_proto_expert_info(d.x.fragment, came.note)
		pinfo.cols.info:append(" [" .. came.note .. "]")
	end
	if came.into then
		local item = tree:add(f.reassembled_in, came.into)
		item.generated = true
	end
	for _, number in ipairs(came.frames or {}) do
		local item = tree:add(f.fragment, number)
		item.generated = true
	end
	return came.pdu
end

local function show_pdu(d, tvb, from, to, tree, pinfo)
	local below = to > from and tree:add(d.proto, tvb(from, to - from), "PDU") or tree
	local wrong = read_pdu(d, tvb, from, to, below, pinfo)
	if wrong then
		fault(d, below, below, pinfo, d.x.malformed, wrong)
	end
end

local function show_datagram(d, tvb, tree, pinfo)
	if tvb:len() < d.header then
		return fault(d, tree, tree, pinfo, d.x.malformed, "shorter than a header")
	end
	local h = show_header(d, tvb, tree)
	if tvb(0, 1):uint() ~= 0 then
		return fault(d, tree, tree, pinfo, d.x.malformed, "version is not 0")
	end
	if h.length < d.header or h.length > tvb:len() then
		return fault(d, tree, tree, pinfo, d.x.malformed, "datagram length does not match the frame")
	end
	if not show_checksum(d, tvb, tree, h) then
		return fault(d, h.checksum_item, tree, pinfo, d.x.checksum, "wrong checksum")
	end
	if h.length < tvb:len() then
		show_padding(d, tvb(h.length), tree)
	end
	if h.last and h.number == 0 then
		return show_pdu(d, tvb, d.header, h.length, tree, pinfo)
	end
	local pdu = show_fragments(d, h, tvb, tree, pinfo)
	if pdu and #pdu > 0 then
		local joined = ByteArray.new(pdu, true):tvb("PDU of several datagrams")
		show_pdu(d, joined, 0, joined:len(), tree, pinfo)
	end
end

local function dissect(d, tvb, pinfo, root)
	if tvb:len() == 0 then
		return 0
	end
	if d.proto.prefs.recognise and not fits(d, tvb) and fits(d.other, tvb) then
		d = d.other
	end
	pinfo.cols.protocol = d.name:upper()
	pinfo.cols.info = d.name:upper()
	local tree = root:add(d.proto, tvb())
	show_datagram(d, tvb, tree, pinfo)
	return tvb:len()
end

------------------------------------------------------------------ registration

for _, d in ipairs({ LSOE, L3DL }) do
	local registered = nil
	function d.proto.dissector(tvb, pinfo, root)
		return dissect(d, tvb, pinfo, root)
	end
	local function register()
		local ethertypes = DissectorTable.get("ethertype")
		if registered then
			ethertypes:remove(registered, d.proto)
		end
		registered = d.proto.prefs.ethertypes
		ethertypes:add(registered, d.proto)
	end
	d.proto.prefs_changed = register
	register()
end
