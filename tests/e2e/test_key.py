"""test_key.py - `lanyard key`: files that are made, rotated, shown and watched, and never a secret on a screen.

What is in the files, and which are refused, is in tests/unit/api_key.c; here it is what a person sees.
"""
import json
import os
import re
import shutil
import stat
import subprocess

import pytest

from lanyard_test import for_anybody
from test_cli import lanyard

SECRET = re.compile(r"[A-Za-z0-9+/]{43}=")


def key(*words, code=0, **options):
    done = lanyard("key", *words, **options)
    assert done.returncode == code, done
    return done


def secrets(path):
    return SECRET.findall(path.read_text())


@pytest.fixture
def group(tmp_path):
    path = tmp_path / "plant.key"
    key("generate", str(path))
    return path


def test_generate_makes_a_private_file_and_shows_its_fingerprint_not_its_secret(tmp_path):
    path = tmp_path / "plant.key"
    done = key("generate", str(path), "--cipher", "aes-256-gcm")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "cipher aes-256-gcm\n" in path.read_text()
    assert len(secrets(path)) == 1
    assert not SECRET.search(done.stdout + done.stderr)
    assert re.search(r"^ +1  sent +[0-9a-f]{16}", done.stdout, re.M), done.stdout


def test_two_keys_are_never_the_same(tmp_path):
    made = [tmp_path / f"{i}.key" for i in range(3)]
    prints = [json.loads(key("generate", str(path), "-j").stdout)["epochs"][0]["fingerprint"] for path in made]
    assert len(set(prints)) == 3


def test_generate_and_identity_never_overwrite(group):
    before = group.read_text()
    for verb in ("generate", "identity"):
        assert "not overwritten" in key(verb, str(group), code=1).stderr
    assert group.read_text() == before


def test_rotate_adds_an_epoch_and_show_tells_when_it_is_used(group):
    key("rotate", str(group), "--lead", "1h", "--overlap", "2d")
    doc = json.loads(key("show", str(group), "-j").stdout)
    assert doc["schema"] == 1 and doc["kind"] == "group" and doc["cipher"] == "xchacha20-poly1305"
    first, second = doc["epochs"]
    assert (first["state"], second["state"]) == ("sent", "later")
    assert second["epoch"] == first["epoch"] + 1
    assert "send_after" in second and "accept_until" in first and "accept_until" not in second
    key("rotate", str(group))
    states = [e["state"] for e in json.loads(key("show", str(group), "-j").stdout)["epochs"]]
    assert states == ["accepted", "later", "sent"] or states == ["accepted", "accepted", "sent"]


def test_no_verb_prints_a_secret(group, tmp_path):
    identity = tmp_path / "me.id"
    said = [key("identity", str(identity))]
    key("rotate", str(group))
    for path in (group, identity):
        said += [key("show", str(path)), key("show", str(path), "-j")]
    said += [key("list", str(tmp_path)), key("list", str(tmp_path), "-J"), key("public", str(identity))]
    for secret in secrets(group) + secrets(identity):
        assert all(secret not in done.stdout + done.stderr for done in said)


def test_public_prints_the_line_that_a_members_file_wants(tmp_path):
    identity = tmp_path / "me.id"
    key("identity", str(identity))
    doc = json.loads(key("show", str(identity), "-j").stdout)
    assert key("public", str(identity), "crane-7").stdout == f"crane-7 {doc['public_key']}\n"
    assert key("public", str(identity)).stdout == f"{doc['id']} {doc['public_key']}\n"
    assert int(doc["id"], 16) >> 63 == 1
    key("public", str(identity), "two words", code=2)
    assert "this is a group key" in key("public", str(make_group(tmp_path)), code=1).stderr


def make_group(folder):
    path = folder / "other.key"
    key("generate", str(path))
    return path


def test_a_file_that_others_can_read_is_refused_with_the_command_that_helps(group):
    group.chmod(0o644)
    for verb in ("show", "rotate"):
        said = key(verb, str(group), code=5).stderr
        assert "0644" in said and f"chmod 600 '{group}'" in said
    error = json.loads(key("show", str(group), "-j", code=5).stdout)["error"]
    assert error["code"] == "permission"
    group.chmod(0o600)
    key("show", str(group))


def test_a_missing_file_or_folder_is_not_found(tmp_path):
    for verb in ("show", "rotate", "public"):
        key(verb, str(tmp_path / "nothing"), code=3)
    for verb in ("list", "watch"):
        key(verb, str(tmp_path / "nowhere"), code=3)
    key("generate", str(tmp_path / "nowhere" / "a.key"), code=3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_key_is_refused_to_whoever_is_not_root(group):
    program = for_anybody("lanyard")
    folder = group.parent
    for place in [folder, *folder.parents][:4]:
        place.chmod(place.stat().st_mode | 0o011)
    done = subprocess.run([program, "key", "show", str(group)], capture_output=True, text=True, timeout=30, user=65534,
                          group=65534, extra_groups=[])
    shutil.rmtree(os.path.dirname(program), ignore_errors=True)
    assert done.returncode == 5, done
    assert "Permission denied" in done.stderr


def test_list_shows_each_key_file_and_why_one_is_refused(group, tmp_path):
    key("identity", str(tmp_path / "me.id"))
    shared = tmp_path / "shared.key"
    key("generate", str(shared))
    shared.chmod(0o640)
    (tmp_path / "plant.members").write_text("# nobody yet\n")
    (tmp_path / "notes.txt").write_text("nothing to do with it\n")
    doc = json.loads(key("list", str(tmp_path), "-j").stdout)
    assert doc["folder"] == str(tmp_path)
    kinds = {os.path.basename(k["file"]): k["kind"] for k in doc["keys"]}
    assert kinds == {"plant.key": "group", "me.id": "identity", "shared.key": "refused"}
    text = key("list", str(tmp_path)).stdout
    assert "sends with epoch 1 of 1" in text and "chmod 600" in text and "notes.txt" not in text


def test_list_alone_looks_where_keys_belong(tmp_path):
    folder = tmp_path / "lanyard" / "keys"
    if os.geteuid() == 0:
        said = lanyard("key", "list")
        assert "/etc/lanyard/keys" in said.stdout + said.stderr
        return
    folder.mkdir(parents=True)
    key("generate", str(folder / "a.key"))
    assert "a.key" in key("list", env={"XDG_CONFIG_HOME": str(tmp_path)}).stdout


def test_watch_tells_of_each_change(lan, group, tmp_path):
    other = tmp_path / "other.key"
    watch = lan.start("lanyard", "key", "watch", str(tmp_path), "-n", "4", "-J", "-v")
    watch.line("watching", stream="err")
    key("rotate", str(group))
    changed = json.loads(watch.lines(1)[0])
    assert changed["event"] == "changed" and changed["file"] == str(group) and changed["kind"] == "group"
    group.chmod(0o644)
    refused = json.loads(watch.lines(2)[1])
    assert "chmod 600" in refused["reason"]
    group.unlink()
    assert json.loads(watch.lines(3)[2])["file"] == str(group)
    key("generate", str(other))
    lines = [json.loads(line) for line in watch.lines(4)]
    assert lines[3]["event"] == "changed" and lines[3]["file"] == str(other)
    assert watch.wait() == 0


def test_keys_of_neighbours_are_listed_with_their_kind_and_no_secret_is_shown(tmp_path):
    """What they are good for is in test_neighbor_keys.py."""
    key("identity", str(tmp_path / "anchor.id"))
    key("identity", str(tmp_path / "leaf.pem"), "--rsa", "2048")
    (tmp_path / "anchor.pub").write_text(key("export", str(tmp_path / "anchor.id")).stdout)
    key("certify", str(tmp_path / "anchor.pub"), "--anchor", str(tmp_path / "anchor.id"), "-o", str(tmp_path / "a.cert"))
    done = key("list", str(tmp_path), "-j")
    kinds = {os.path.basename(k["file"]): (k["kind"], k["algorithm"]) for k in json.loads(done.stdout)["keys"]}
    assert kinds == {"anchor.id": ("identity", "ed25519"), "leaf.pem": ("rsa", "rsasha256"),
                     "anchor.pub": ("public", "ed25519"), "a.cert": ("certificate", "ed25519")}
    assert secrets(tmp_path / "anchor.id")[0] not in done.stdout
    assert "PRIVATE" not in key("export", str(tmp_path / "leaf.pem")).stdout
    assert stat.S_IMODE((tmp_path / "leaf.pem").stat().st_mode) == 0o600
    done = key("certify", str(tmp_path / "leaf.pem"), "--anchor", str(tmp_path / "anchor.id"),
               "-o", str(tmp_path / "b.cert"), code=1)
    assert "the same algorithm" in done.stderr and not (tmp_path / "b.cert").exists()
    assert key("certify", str(tmp_path / "leaf.pem"), code=2).stderr.count("--anchor")
