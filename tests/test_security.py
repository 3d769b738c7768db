"""Who may command: the table `[security]`, the files of keys, and `prgcore key`."""

from __future__ import annotations

import os
import random
import ssl
import stat
from base64 import b64encode

import pytest

from prgcore.errors import BadInput
from prgcore.running.certificates import Certificates
from prgcore.running.gate import FRESH
from prgcore.running.group import read_group
from prgcore.running.keyfile import DIGITS, LEAST, LONGEST, read_key, read_password, write_key
from prgcore.running.security import Tls, may_command
from prgcore.running.seldom import WHILE
from tests.agents import group_file
from tests.certificates import Authority
from tests.pages import ROOT
from tests.test_group import GOOD

SOME = random.Random(1)  # the same in every process of the tests
CHOICE = ('key = "pair.key" (prgcore key pair.key makes one; copy it to both hosts), or '
          "tls = {ca, certificate, key}")


@pytest.fixture
def read(tmp_path):
    """The security of a group file; without addresses it is on one computer."""

    def call(security, text=None):
        file = group_file(tmp_path, security=security)
        if text is not None:
            file.write_text(text)
        return read_group(file).security

    return call


@pytest.fixture
def refused(read):
    """The one line that refuses a group file."""

    def call(*args):
        with pytest.raises(BadInput) as caught:
            read(*args)
        said = str(caught.value)
        assert said.isprintable()
        assert len(said) < 400
        return said.removeprefix("group file group.toml: ")

    return call


def test_a_group_chooses_one_of_three(read, tmp_path):
    assert read("{off = true}").off
    assert read('{key = "pair.key"}').key == tmp_path / "pair.key"
    tls = read('{tls = {ca = "ca.pem", certificate = "{node}.pem", key = "{node}.key", '
               'names = {node2 = "cup2.example"}, administrators = ["ops"]}}').tls
    assert tls.certificate == tmp_path / "{node}.pem"
    assert tls.names == {"node1": "cup1", "node2": "cup2.example"}
    assert tls.administrators == ("ops",)


def test_a_group_without_security_is_told_what_to_write(refused):
    said = (f"security is missing, so everybody could command the agents: write a table [security] "
            f"with {CHOICE}; or off = true, if all addresses are of this computer")
    assert refused("{}", GOOD.replace('security = {key = "pair.key"}\n', "")) == said
    for nothing in ("{}", "{off = false}", '{commands_from = ["10.0.0.1"]}'):
        assert refused(nothing) == said


@pytest.mark.parametrize("elsewhere", [
    "10.0.0.1", "0.0.0.0", "cup1", "localhost.example.org", "::", "fe80::1", "128.0.0.1", "::ffff:10.0.0.1",
])
@pytest.mark.parametrize("place", ["service", "admin", "peer"])
def test_security_is_off_only_on_one_computer(refused, read, elsewhere, place):
    shown = f"[{elsewhere}]:7" if ":" in elsewhere else f"{elsewhere}:7"
    text = ('group="A"\nstore="sqlite:x"\nsecurity={off=true}\n[node1]\nservice="127.0.0.1:1"\n'
            '[node2]\nservice="[::1]:2"\nadmin="localhost:3"\npeer="127.1.2.3:9"\n')
    assert read("", text).off
    said = refused("", text.replace("[node2]\n", f'[node2]\n{place}="{shown}"\n').replace(
        {"service": 'service="[::1]:2"\n', "admin": 'admin="localhost:3"\n',
         "peer": 'peer="127.1.2.3:9"\n'}[place], ""))
    assert said.startswith(f"security.off: node2.{place} is ")
    assert said.endswith(f"which other computers can reach, and could command; write instead of off: {CHOICE}")


@pytest.mark.parametrize(("security", "said"), [
    ('{off = true, key = "x"}', "security: key and off exclude each other"),
    ('{key = "x", tls = {ca = "a", certificate = "b", key = "c"}}', "security: key and tls exclude"),
    ("{off = 1}", "security.off: expected true or false"),
    ('{off = "true"}', "security.off: expected true or false"),
    ("{key = 7}", "security.key: expected a text"), ('{key = ""}', "security.key: expected a text"),
    ("{keys = 7}", "security: unknown key 'keys'; did you mean key"),
    ("{tls = true}", "security.tls: expected a table"),
    ("{tls = {}}", "security.tls.ca is missing; a table tls has ca, certificate, key"),
    ('{tls = {ca = "a", certificate = "b"}}', "security.tls.key is missing"),
    ('{tls = {ca = "a", certificate = "b", key = "c", verify = false}}', "security.tls: unknown key"),
    ('{tls = {ca = "a", certificate = "b", key = "c", names = {cup1 = "x"}}}',
     "security.tls.names: unknown key"),
    ('{tls = {ca = "a", certificate = "b", key = "c", names = {node2 = "db..example"}}}',
     "security.tls.names.node2: 'db..example' is not a name that a certificate has"),
    ('{tls = {ca = "a", certificate = "b", key = "c", names = {node1 = "cup 1"}}}',
     "security.tls.names.node1: 'cup 1' is not a name that a certificate has"),
    ('{tls = {ca = "a", certificate = "b", key = "c", administrators = "x"}}',
     "security.tls.administrators: expected names"),
    ('{off = true, commands_from = "10.0.0.1"}', "security.commands_from: expected addresses as a list"),
    ('{off = true, commands_from = ["10.0.0.1/8"]}', "security.commands_from: '10.0.0.1/8' is not"),
    ("{off = true, commands_from = [1]}", "security.commands_from: 1 is not an address"),
    ('{off = true, commands_from = ["cup1"]}', "security.commands_from: 'cup1' is not an address"),
])
def test_what_is_wrong_is_one_line_with_its_place(refused, security, said):
    assert refused(security).startswith(said)


@pytest.mark.parametrize(("allowed", "host", "may"), [
    ("[]", "127.0.0.1", False), ('["127.0.0.0/8"]', "127.0.0.1", True),
    ('["10.0.0.0/24"]', "10.0.1.7", False), ('["10.0.0.0/24"]', "10.0.0.7", True),
    ('["10.0.0.0/24"]', "::ffff:10.0.0.7", True), ('["fe80::/10"]', "fe80::7%eth0", True),
    ('["::1", "10.0.0.7"]', "10.0.0.7", True), ('["0.0.0.0/0"]', "::1", False), ('["::1"]', "", False),
])
def test_who_may_command_is_known_by_the_address(read, allowed, host, may):
    assert may_command(read(f"{{off = true, commands_from = {allowed}}}").commands_from, host) == may
    assert may_command(read("{off = true}").commands_from, host)


def test_the_page_has_the_numbers_that_hold(tmp_path):
    page = " ".join((ROOT / "docs" / "security.md").read_text(encoding="utf-8").split())
    for said in (f"{LEAST} random bytes, or a text of {DIGITS} characters or more",
                 f"is refused {FRESH:g} s after the agent has asked for it",
                 "TLS 1.2 or newer", "one line of log a minute"):
        assert said in page
    assert WHILE == 60
    authority = Authority(tmp_path)
    names = {"node1": "cup1", "node2": "cup2"}
    one = Certificates(Tls(authority.file, *authority.signs("node1", "cup1"), names))
    assert {context.minimum_version for context in (one.service, one.admin, one.client)} == {
        ssl.TLSVersion.TLSv1_2}


# --------------------------------------------------------------------------- the files


def test_a_key_that_is_written_is_read_by_its_owner_alone(tmp_path):
    write_key(tmp_path / "a.key")
    write_key(tmp_path / "b.key")
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert len(read_key(tmp_path / "a.key")) == 32
    assert read_key(tmp_path / "a.key") != read_key(tmp_path / "b.key")
    with pytest.raises(BadInput, match="a key is not overwritten"):
        write_key(tmp_path / "a.key")
    with pytest.raises(BadInput, match="cannot be written"):
        write_key(tmp_path / "no" / "such")


def secret(path, data, mode=0o600):
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("data", [
    SOME.randbytes(32), SOME.randbytes(32).hex().encode(), b64encode(SOME.randbytes(32)) + b"\r\n"])
def test_keys_of_other_programs_are_keys_too(tmp_path, data):
    key = read_key(secret(tmp_path / "k", data))
    if data.isascii():
        assert key == read_key(secret(tmp_path / "k", data.strip() + b"\n")), "an editor may end the line"
    assert data.hex() not in key.hex()


@pytest.mark.parametrize("data", [
    b"", b"\n", b"secret", b"x" * 42, b"x" * 64, bytes(32), SOME.randbytes(16).hex().encode(),
    b"\xff" * 31, b"ab" * 40, SOME.randbytes(16) + b"\n", b" " * 100,
])
def test_what_is_too_short_or_no_random_key_is_refused(tmp_path, data):
    with pytest.raises(BadInput) as caught:
        read_key(secret(tmp_path / "k", data))
    assert str(caught.value).endswith(
        "it is not a key of 32 random bytes; prgcore key FILE makes one")
    for piece in (data.decode(errors="replace"), data.hex()):
        assert len(piece) < 6 or piece not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660, 0o666, 0o604, 0o620, 0o777, 0o601])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path, mode):
    path = secret(tmp_path / "k", SOME.randbytes(32), mode)
    if mode == 0o640 and os.geteuid() == 0:
        assert read_key(path), "root may let a group read it, as PostgreSQL allows too"
        return
    with pytest.raises(BadInput, match=r"others can read or change it, .*; chmod 600 it"):
        read_key(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path):
    path = secret(tmp_path / "k", SOME.randbytes(32))
    os.chown(path, 12345, 12345)
    with pytest.raises(BadInput, match="belongs to user 12345, who could replace it; chown"):
        read_key(path)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, why in ((tmp_path, "not a file"), (tmp_path / "pipe", "not a file"),
                      (tmp_path / "none", "No such file"), (tmp_path / "a\0b", "not a name"),
                      (secret(tmp_path / "long", b"x" * (LONGEST + 1)), f"longer than {LONGEST}")):
        with pytest.raises(BadInput, match=why):
            read_key(path)


def test_a_password_is_one_line(tmp_path):
    assert read_password(secret(tmp_path / "p", "päss word\r\n".encode()), "the password") == "päss word"
    for data in (b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"\r\n"):
        with pytest.raises(BadInput, match="expected one line of text"):
            read_password(secret(tmp_path / "p", data), "the password")


# -------------------------------------------------------------------------- prgcore key


def test_prgcore_key_writes_one_and_says_what_to_do_next(run, bad, tmp_path):
    answer = run("key", tmp_path / "pair.key")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (
        f"wrote {tmp_path}/pair.key\n\nCopy it to the other host, beside its group file, and keep its "
        'mode. Both group files\nname it:\n  [security]\n  key = "pair.key"\n')
    assert (tmp_path / "pair.key").read_text().strip() not in answer.out
    assert "a key is not overwritten" in bad("key", tmp_path / "pair.key")
    assert "a key is not printed" in bad("key", "-")
    assert run("key", tmp_path / "b.key", "--json").out.startswith('{\n  "file": ')
