"""etcd with certificates, users and passwords: real servers, and what goes wrong with them."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
import requests

from prgcore.errors import BadInput, Unavailable
from prgcore.running.group import doubts, read_group
from prgcore.stores.etcd import EtcdArbiter, EtcdStore
from tests import stores
from tests.certificates import Authority

pytestmark = pytest.mark.etcd
SECRET = "s3cret pass-wörd"


def post(server, path, token="", **said):
    answer = requests.post(f"{server.url}/v3/auth/{path}", json=said, timeout=stores.LONG,
                           headers={"Authorization": token} if token else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def root(server, path, **said):
    """Change the users of a server that asks for a login."""
    token = post(server, "authenticate", name="root", password=SECRET)["token"]
    post(server, path, token, **said)


@pytest.fixture
def guarded(tmp_path):
    """A server with a user who may use one prefix; its tokens last a second or two."""
    server = stores.Etcd(tmp_path, options=("--auth-token-ttl", "2")).start()
    post(server, "role/add", name="pair")
    post(server, "role/grant", name="pair", perm={
        "permType": "READWRITE", "key": b64encode(b"prgcore/A/").decode(),
        "range_end": b64encode(b"prgcore/A0").decode()})
    post(server, "role/add", name="root")
    for user, role in (("root", "root"), ("agent", "pair")):
        post(server, "user/add", name=user, password=SECRET)
        post(server, "user/grant", user=user, role=role)
    post(server, "enable")
    yield server
    server.stop()


def opened(server, prefix="prgcore/A/", **more):
    return EtcdStore(
        server.url, prefix, **{"user": "agent", "password": SECRET, "timeout": stores.LONG} | more)


def said(call):
    with pytest.raises(Unavailable) as caught:
        call()
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_store_logs_in_and_does_so_again_when_its_token_is_forgotten(guarded):
    with opened(guarded) as store, EtcdArbiter(
            guarded.url, "prgcore/A/", ttl=2, timeout=stores.LONG, user="agent",
            password=SECRET) as arbiter:
        version = store.write({"a": 1}, 0, {"epoch": 1})
        assert arbiter.acquire("node1", 1)
        time.sleep(4)  # the tokens are forgotten after two seconds
        assert store.read().value == {"a": 1}
        assert store.write({"a": 2}, version, {"epoch": 2}) > version
        guarded.stop()
        guarded.launch()  # it forgets every token
        assert stores.answered(store).value == {"a": 2}
        assert store.wait(version, stores.LONG)
        root(guarded, "user/add", name="more", password="x")  # the old tokens are stale
        assert [e["epoch"] for e in store.history()] == [1, 2]
        assert arbiter.holder() in ("node1", None)


def test_a_wait_ends_with_a_change_although_the_token_was_forgotten(guarded):
    with opened(guarded) as store:
        version = store.write({"a": 1}, 0)
        assert not store.wait(version, 4)
        with opened(guarded) as other:
            other.write({"a": 2}, version)
        assert store.wait(version, stores.LONG)


@pytest.mark.parametrize(("more", "says"), [
    ({"password": "wrong"}, "etcd refuses the login of 'agent': its name or its password is wrong"),
    ({"user": "nobody"}, "etcd refuses the login of 'nobody': its name or its password is wrong"),
    ({"user": None, "password": None}, "asks for a login: "),
    ({"prefix": "prgcore/B/"}, ("its user may not read and write below 'prgcore/B/': etcdctl role "
                                "grant-permission ROLE --prefix=true readwrite prgcore/B/")),
])
def test_what_is_wrong_with_a_login_is_one_line(guarded, more, says):
    with opened(guarded, **more) as store:
        for call in (store.read, store.read, lambda: store.write({}, 0), lambda: store.wait(0, 0.1)):
            assert says in said(call)
        assert SECRET not in repr(store._etcd._login)


def test_a_password_may_change_while_the_store_is_open(guarded, tmp_path):
    words = ["old", SECRET]
    with opened(guarded, password=lambda: words[-1]) as store:
        store.write({}, 0)
        root(guarded, "user/changepw", name="agent", password="new")
        assert "refuses the login" in said(store.read)
        words.append("new")
        assert stores.answered(store).value == {}


def test_a_server_that_asks_for_no_login_gets_none(tmp_path):
    server = stores.Etcd(tmp_path).start()
    try:
        with opened(server) as store:
            store.write({"a": 1}, 0)
            assert store.read().value == {"a": 1}
    finally:
        server.stop()


# ------------------------------------------------------------------------ certificates


@pytest.fixture
def tls(tmp_path):
    """A server that knows its clients by certificates of our authority, and shows one itself."""
    authority = Authority(tmp_path)
    certificate, key = authority.signs("server", "127.0.0.1")
    server = stores.Etcd(tmp_path, options=(
        "--cert-file", str(certificate), "--key-file", str(key), "--client-cert-auth",
        "--trusted-ca-file", str(authority.file)))
    server.url = server.url.replace("http://", "https://")
    server.launch()
    yield server, authority
    server.stop()


def files(authority, name="client", **more):
    certificate, key = authority.signs(name, "cup1", **more)
    return {"ca": str(authority.file), "cert": str(certificate), "key": str(key)}


def test_certificates_open_a_store_and_whatever_else_is_shown_is_one_line(tls, tmp_path):
    server, authority = tls
    good = files(authority)
    with EtcdStore(server.url, "a/", **good) as store:
        stores.answered(store)
        version = store.write({"a": 1}, 0)
        assert store.read().version == version
    stranger = Authority(tmp_path, "stranger")
    for wrong, says in (
        ({}, "do not trust each other's certificates (etcd.ca, etcd.certificate): certificate verify"),
        ({"ca": good["ca"]}, "certificate"),
        (good | {"ca": str(stranger.file)}, "certificate verify failed"),
        (files(stranger, "other") | {"ca": good["ca"]}, "certificate"),
        (files(authority, "old", expired=True), "certificate"),
    ):
        with EtcdStore(server.url, "a/", **wrong) as store:
            for call in (store.read, lambda: store.write({}, version), lambda: store.wait(0, 0.1)):
                assert says in said(call)
    with EtcdStore(server.url.replace("https", "http"), "a/") as store:
        assert "if it uses TLS, write https:// into its address" in said(store.read)
    with EtcdStore(server.url.replace("127.0.0.1", "localhost"), "a/", **good) as store:
        assert "hostname mismatch" in said(store.read)
    with EtcdStore(server.url, "a/", **good) as store:
        assert store.read().value == {"a": 1}


def test_a_group_file_has_them(tls, tmp_path):
    server, authority = tls
    files(authority, "cup1")
    (tmp_path / "password").write_text("x\n")
    (tmp_path / "password").chmod(0o600)
    file = group(tmp_path, f'"etcd:{server.url}"', 'ca = "ca.pem"\ncertificate = "cup1.pem"\n'
                 'key = "cup1.key"\nuser = "agent"\npassword_file = "password"\n')
    store, arbiter = read_group(file).open_store()
    assert stores.answered(store) is None
    assert arbiter.acquire("node1", 1)
    store.close()
    arbiter.close()
    for name, mode, says in (("cup1.key", 0o644, "etcd.key is expected in "),
                             ("password", 0o640 | 4, "etcd.password_file is expected in ")):
        (tmp_path / name).chmod(mode)
        with pytest.raises(BadInput, match=says):
            read_group(file).open_store()
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(BadInput, match=r"etcd\.ca: .* cannot be read: No such file"):
        read_group(file).open_store()


def group(folder, store, etcd="", security="{off = true}"):
    file = folder / "g.toml"
    file.write_text(f'group = "A"\nstore = {store}\nsecurity = {security}\n[etcd]\n{etcd}'
                    '[node1]\n[node2]\nservice = "127.0.0.1:22002"\nadmin = "127.0.0.1:20076"\n')
    return file


@pytest.mark.parametrize(("store", "etcd", "says"), [
    ('"etcd:http://agent:s3cret@127.0.0.1:2379"', "", "store: an address of etcd has no user and no"),
    ('"etcd:https://127.0.0.1:2379,https://a@b:1"', "", "store: an address of etcd has no user and no"),
    ('"etcd:http://[::1"', "", "store: 'http://[::1' is not an address of etcd; expected"),
    ('"etcd:https://h:1, https://[::g]"', "", "store: 'https://[::g]' is not an address of etcd"),
    ('"etcd:http://℀"', "", "store: 'http://℀' is not an address of etcd"),
    ('"sqlite:pair.db"', 'user = "a"\n', "etcd: the store is sqlite; leave this table out"),
    ('"etcd:https://h:1"', 'user = "a"\n', "etcd.password_file is missing: user needs it"),
    ('"etcd:https://h:1"', 'password_file = "a"\n', "etcd.user is missing: password_file needs it"),
    ('"etcd:https://h:1"', 'key = "a"\n', "etcd.certificate is missing: key needs it"),
    ('"etcd:https://h:1"', 'certificate = "a"\n', "etcd.key is missing: certificate needs it"),
    ('"etcd:https://h:1"', 'password = "s3cret"\n', "etcd: unknown key 'password'; did you mean"),
    ('"etcd:https://h:1"', "ca = 1\n", "etcd.ca: expected a text"),
    ('"etcd:https://g:1,http://h:1"', 'ca = "a"\n', "etcd.ca: http://h:1 uses no certificates"),
])
def test_what_is_wrong_in_the_group_file_is_one_line(tmp_path, store, etcd, says):
    with pytest.raises(BadInput) as caught:
        read_group(group(tmp_path, store, etcd))
    assert str(caught.value).startswith(f"group file g.toml: {says}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://a:s3cret@h:1", "https://s3cret@h", "http://h:1,http://a:s3cret@h"])
def test_a_password_in_an_address_is_refused_and_not_shown(url):
    with pytest.raises(BadInput, match="has no user and no password") as caught:
        EtcdStore(url, "a/")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("more", [{"user": "a"}, {"password": "b"}, {"user": "", "password": "b"}])
def test_a_user_needs_a_password(more):
    with pytest.raises(BadInput, match="a user of etcd and a password are given together"):
        EtcdStore("http://h:1", "a/", **more)


def test_a_password_that_everybody_can_hear_is_doubted(tmp_path):
    login = 'user = "a"\npassword_file = "p"\n'
    for url, much in (("http://10.0.0.1:2379", 1), ("https://10.0.0.1:2379", 0),
                      ("http://127.0.0.1:2379", 0)):
        found = [d for d in doubts(read_group(group(tmp_path, f'"etcd:{url}"', login))) if "etcd" in d]
        assert len(found) == much
    found = read_group(group(tmp_path, '"etcd:http://10.0.0.1:2379"', login))
    assert any("goes to http://10.0.0.1:2379 for everybody to read" in d for d in doubts(found))
