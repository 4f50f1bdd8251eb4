import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
from pydantic import SecretStr, ValidationError

from service.settings.environment import SettingsError, expected, ignored_proxies, load_settings
from service.settings.settings import Settings
from service.settings.values import RateLimit

ACCOUNT = {
    "IMGUR_CLIENT_ID": "the-id",
    "IMGUR_CLIENT_SECRET": "the-secret",
    "IMGUR_REFRESH_TOKEN": "the-token",
}


def complaint(environ: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return str(caught.value)


def test_defaults_are_those_of_the_design() -> None:
    settings = load_settings({})
    assert settings.host == settings.sandbox_host == "127.0.0.1"
    assert settings.port == 8000
    assert settings.sandbox_port == 8001
    assert settings.worker_count >= 1
    assert settings.worker_concurrency == 96  # by measurement: docs/decisions/0014
    assert settings.backend == "processes"
    assert settings.imgur_api_url == "https://api.imgur.com"
    assert settings.sandbox == "auto"
    assert settings.source_allowed_networks == ()
    assert settings.source_allowed_ports == (80, 443)
    assert settings.max_urls_per_job == 100_000
    assert settings.max_queued_urls == 1_000_000
    assert settings.job_ttl_seconds == 7 * 86_400
    assert settings.max_state_bytes >= 16 * 1024**2
    assert settings.max_body_bytes == 16_777_216
    assert settings.source_concurrency == 32
    assert settings.dedupe == "off"
    assert settings.image_memory_bytes == 256_000_000
    assert settings.max_image_bytes == 100_000_000
    assert settings.convert == "auto"
    assert settings.convert_processes == max(1, settings.worker_count // 2)
    assert settings.convert_seconds == 20
    assert settings.convert_max_pixels == 100_000_000
    assert settings.strip_metadata == "off"
    assert settings.imgur_max_bytes == (20_000_000, 10_000_000)
    assert settings.imgur_accepted_types == ("jpeg", "png", "apng", "gif", "tiff", "bmp")
    assert settings.download_seconds == 30
    assert settings.upload_seconds == 60
    assert settings.max_attempts == 4
    assert settings.drain_seconds == 20
    assert settings.api_keys == ()
    assert settings.rate_limit is None
    assert settings.rate_limit_burst is None
    assert settings.trusted_proxies == ()
    assert settings.log_format == "json"
    assert settings.log_level == "INFO"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("HOST", "127.0.0.1", "127.0.0.1"),
        ("DEDUPE", "Content", "content"),
        ("HOST", "::1", "::1"),
        ("HOST", "[::1]", "::1"),
        ("HOST", "localhost", "localhost"),
        ("ALLOWED_HOSTS", "a.example, B.Example.", ("a.example", "b.example")),
        (
            "CORS_ORIGINS",
            "https://A.example:443/, http://b.example:8080,http://[::1]:80",
            ("https://a.example", "http://b.example:8080", "http://[::1]"),
        ),
        ("PORT", "0", 0),
        ("PORT", " 8080 ", 8080),
        ("WORKER_COUNT", "512", 512),
        ("WORKER_COUNT_MAX", "512", 512),
        ("WORKER_CONCURRENCY", "1", 1),
        ("BACKEND", "Processes", "processes"),
        ("BACKEND", "Ray", "ray"),
        ("RAY_ADDRESS", "head.example:6379", "head.example:6379"),
        ("RAY_ADDRESS", "[fd00::1]:6379", "[fd00::1]:6379"),
        ("RAY_NAMESPACE", "imgup-2", "imgup-2"),
        ("SANDBOX", "ON", "on"),
        ("SANDBOX_PORT", "0", 0),
        ("SOURCE_ALLOWED_NETWORKS", "10.0.0.0/8, fd00::/8", ("10.0.0.0/8", "fd00::/8")),
        ("SOURCE_ALLOWED_NETWORKS", "127.0.0.1", ("127.0.0.1/32",)),
        ("SOURCE_ALLOWED_PORTS", "443,8443,443", (443, 8443)),
        ("TRUSTED_PROXIES", "10.0.0.1, fd00::/8", ("10.0.0.1/32", "fd00::/8")),
        ("RATE_LIMIT", "60/minute", RateLimit(60, 60)),
        ("RATE_LIMIT", " 5 / Second ", RateLimit(5, 1)),
        ("RATE_LIMIT", "1000000/hour", RateLimit(1_000_000, 3600)),
        ("MAX_BODY_BYTES", "16MiB", 16 * 1024**2),
        ("MAX_BODY_BYTES", "4096", 4096),
        ("SOURCE_CONCURRENCY", "0", 0),
        ("IMAGE_MEMORY_BYTES", "0", 0),
        ("IMAGE_MEMORY_BYTES", "1GiB", 1024**3),
        ("MAX_IMAGE_BYTES", "20MB", 20_000_000),
        ("MAX_IMAGE_BYTES", "1.5 mb", 1_500_000),
        ("MAX_IMAGE_BYTES", "512 KiB", 524_288),
        ("DOWNLOAD_SECONDS", "2.5", 2.5),
        ("DRAIN_SECONDS", "0", 0),
        ("LOG_FORMAT", "Console", "console"),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("IMGUR_API_URL", "http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("IMGUR_ALBUM", "aBc12", "aBc12"),
        ("IMGUR_MAX_BYTES", "animation=200MB", (20_000_000, 200_000_000)),
        ("IMGUR_MAX_BYTES", "Still = 1 kB, animation=2KiB", (1000, 2048)),
        ("IMGUR_ACCEPTED_TYPES", "JPEG, webp,jpeg", ("jpeg", "webp")),
    ],
)
def test_values_are_read(name: str, text: str, value: Any) -> None:
    assert getattr(load_settings({name: text}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HOST", "a b"),
        ("HOST", "http://localhost"),
        ("HOST", "127.0.0.1:8000"),
        ("HOST", "a..example"),
        ("ALLOWED_HOSTS", "a.example:8000"),
        ("ALLOWED_HOSTS", "https://a.example"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "."),
        ("ALLOWED_HOSTS", ".example.com"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "a.example"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "https://a.example:port"),
        ("CORS_ORIGINS", "https://a.example:"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("PORT", "web"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("WORKER_COUNT", "0"),
        ("WORKER_COUNT", "513"),
        ("WORKER_COUNT", "1.5"),
        ("WORKER_COUNT_MAX", "0"),
        ("WORKER_COUNT_MAX", "513"),
        ("WORKER_CONCURRENCY", "0"),
        ("WORKER_CONCURRENCY", "257"),
        ("RAY_ADDRESS", "somewhere"),
        ("RAY_ADDRESS", "ray://10.0.0.1:10001"),
        ("RAY_NAMESPACE", "two words"),
        ("BACKEND", "threads"),
        ("SANDBOX", "maybe"),
        ("SANDBOX_PORT", "70000"),
        ("SOURCE_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("SOURCE_ALLOWED_NETWORKS", "example.com"),
        ("SOURCE_ALLOWED_PORTS", "0"),
        ("SOURCE_ALLOWED_PORTS", "http"),
        ("SOURCE_ALLOWED_PORTS", ","),
        ("MAX_URLS_PER_JOB", "0"),
        ("MAX_QUEUED_URLS", "many"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "*"),
        ("RATE_LIMIT", "60"),
        ("RATE_LIMIT", "60/day"),
        ("RATE_LIMIT", "0/second"),
        ("RATE_LIMIT", "-1/second"),
        ("RATE_LIMIT", "1.5/second"),
        ("RATE_LIMIT", "1000001/second"),
        ("RATE_LIMIT", "10000000000/second"),
        ("RATE_LIMIT", "00000000001/second"),
        ("RATE_LIMIT", "²/second"),
        ("RATE_LIMIT", "/minute"),
        ("MAX_BODY_BYTES", "16XB"),
        ("MAX_STATE_BYTES", "1MiB"),
        ("JOB_TTL_SECONDS", "-1"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BODY_BYTES", "2GiB"),
        ("SOURCE_CONCURRENCY", "-1"),
        ("SOURCE_CONCURRENCY", "10001"),
        ("IMAGE_MEMORY_BYTES", "2000GiB"),
        ("MAX_IMAGE_BYTES", "0"),
        ("MAX_IMAGE_BYTES", "MB"),
        ("MAX_IMAGE_BYTES", "20,000,000"),
        ("MAX_IMAGE_BYTES", "20.000.000"),
        ("MAX_IMAGE_BYTES", "20-MB"),
        ("MAX_IMAGE_BYTES", "8 kbit"),
        ("MAX_BODY_BYTES", "2048;16MiB"),
        ("DOWNLOAD_SECONDS", "0"),
        ("DOWNLOAD_SECONDS", "nan"),
        ("DOWNLOAD_SECONDS", "inf"),
        ("UPLOAD_SECONDS", "soon"),
        ("MAX_ATTEMPTS", "0"),
        ("DRAIN_SECONDS", "-1"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "chatty"),
        ("IMGUR_MAX_BYTES", "20MB"),
        ("IMGUR_MAX_BYTES", "video=200MB"),
        ("IMGUR_MAX_BYTES", "still=1,still=2"),
        ("IMGUR_MAX_BYTES", "still=0"),
        ("IMGUR_MAX_BYTES", "animation=2GiB"),
        ("IMGUR_ACCEPTED_TYPES", "jpg"),
        ("IMGUR_ACCEPTED_TYPES", ","),
        ("IMGUR_API_URL", "api.imgur.com"),
        ("IMGUR_API_URL", "https://api.imgur.com/3"),
        ("IMGUR_API_URL", "https://api.imgur.com:99999"),
        ("IMGUR_API_URL", "ftp://api.imgur.com"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it_and_what_is_expected(name: str, text: str) -> None:
    line = complaint({name: text})
    assert line.startswith(f"{name}={text!r}: expected ")
    assert len(line) > len(f"{name}={text!r}: expected ")
    assert "\n" not in line


def test_all_bad_values_are_named_at_once_and_nothing_else() -> None:
    line = complaint({"PORT": "web", "WORKER_COUNT": "0", "SANDBOX": "off"})
    assert re.findall(r"\b([A-Z_]{3,})=", line) == ["PORT", "WORKER_COUNT"]


def test_a_long_value_is_shortened_and_stays_on_the_line() -> None:
    line = complaint({"PORT": "8000\n" + "x" * 1000})
    assert len(line) < 200
    assert "\n" not in line


@pytest.mark.parametrize(
    "name",
    ["IMGUR_CLIENT_ID", "IMGUR_CLIENT_SECRET", "IMGUR_REFRESH_TOKEN", "API_KEYS", "ADMIN_KEY"],
)
def test_a_bad_secret_is_not_shown(name: str) -> None:
    line = complaint({name: "hüsh hüsh"})
    assert line.startswith(f"{name}: expected ")
    assert "hüsh" not in line


@pytest.mark.parametrize("name", ["IMGUR_CLIENT_ID", "API_KEYS", "ADMIN_KEY", "PORT"])
def test_quotes_that_a_file_of_variables_kept_are_told(name: str) -> None:
    """`docker run --env-file` does: the key would be nobody's."""
    for quote in "\"'":
        line = complaint({name: f"{quote}8000{quote}"})
        assert line == f"{name}: the quotes around it are part of the value: omit them"


def test_a_password_in_an_address_is_not_shown() -> None:
    line = complaint({"IMGUR_API_URL": "https://user:hush@api.imgur.com"})
    assert line.startswith("IMGUR_API_URL: expected ")
    assert "hush" not in line


def test_secrets_do_not_show_in_a_representation() -> None:
    shown = repr(
        load_settings(
            ACCOUNT | {"API_KEYS": "key-1", "ADMIN_KEY": "key-2", "IMGUR_ALBUM": "deadbeef"}
        )
    )
    for secret in ("key-2", "the-id", "the-secret", "the-token", "key-1", "deadbeef"):
        assert secret not in shown


def test_an_empty_variable_counts_as_not_set() -> None:
    environ = {"PORT": "", "API_KEYS": " ", "IMGUR_CLIENT_ID": "", "IMGUR_CLIENT_ID_FILE": ""}
    assert load_settings(environ) == load_settings({})


def test_keys_of_nothing_but_separators_do_not_open_the_service() -> None:
    assert complaint({"API_KEYS": " , ,"}).startswith("API_KEYS: expected ")


def test_unknown_variables_are_ignored() -> None:
    assert load_settings({"PATH": "/bin", "NO_SUCH_SETTING": "x"}) == load_settings({})


def test_only_what_is_handed_in_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    assert load_settings({}).port == 8000


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).port = 1


class TestSecretFiles:
    @pytest.mark.parametrize("content", ["the-id", "the-id\n", "\ufeffthe-id\r\n"])
    def test_a_secret_may_lie_in_a_file(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "secret"
        path.write_text(content, encoding="utf-8", newline="")
        settings = load_settings({"IMGUR_CLIENT_ID_FILE": str(path)})
        assert settings.imgur_client_id == SecretStr("the-id")
        assert not settings.sandbox_applies

    def test_keys_may_stand_on_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "keys"
        path.write_text("key-1\nkey-2\n")
        settings = load_settings({"API_KEYS_FILE": str(path)})
        assert [key.secret.get_secret_value() for key in settings.api_keys] == ["key-1", "key-2"]

    def test_an_album_is_a_secret_too(self, tmp_path: Path) -> None:
        path = tmp_path / "album"
        path.write_text("aBc12")
        assert load_settings({"IMGUR_ALBUM_FILE": str(path)}).imgur_album == "aBc12"
        assert "hush!" not in complaint({"IMGUR_ALBUM": "hush!"})

    def test_variable_and_file_together_are_refused(self, tmp_path: Path) -> None:
        environ = {"IMGUR_CLIENT_ID": "x", "IMGUR_CLIENT_ID_FILE": str(tmp_path / "id")}
        assert "IMGUR_CLIENT_ID and IMGUR_CLIENT_ID_FILE are both set" in complaint(environ)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        line = complaint({"IMGUR_CLIENT_ID_FILE": "/nowhere/id"})
        assert line == (
            "IMGUR_CLIENT_ID_FILE='/nowhere/id': "
            "the file cannot be read (No such file or directory)"
        )
        assert "Is a directory" in complaint({"IMGUR_CLIENT_ID_FILE": str(tmp_path)})

    @pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 70_000])
    def test_a_file_that_is_no_secret_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "secret"
        path.write_bytes(content)
        line = complaint({"IMGUR_CLIENT_ID_FILE": str(path)})
        assert line.endswith("expected a file that holds one secret")

    def test_only_secrets_come_from_files(self) -> None:
        assert load_settings({"PORT_FILE": "/nowhere"}).port == 8000


class TestTogether:
    @pytest.mark.parametrize(
        ("environ", "applies"),
        [
            ({}, True),
            ({"SANDBOX": "on"}, True),
            ({"IMGUR_CLIENT_ID": "id"}, False),
            (ACCOUNT, False),
            (ACCOUNT | {"SANDBOX": "on"}, True),
            (ACCOUNT | {"SANDBOX": "off"}, False),
        ],
    )
    def test_when_the_sandbox_applies(self, environ: dict[str, str], *, applies: bool) -> None:
        assert load_settings(environ).sandbox_applies is applies

    def test_what_ends_the_sandbox(self) -> None:
        assert load_settings({"SANDBOX": "on"}).sandbox_remedy == "set IMGUR_CLIENT_ID"
        account = load_settings(ACCOUNT | {"SANDBOX": "on"})
        assert account.sandbox_remedy == "set SANDBOX to auto"

    @pytest.mark.parametrize(
        ("environ", "names"),
        [
            ({"SANDBOX": "off"}, ["SANDBOX=off", "IMGUR_CLIENT_ID"]),
            ({"IMGUR_REFRESH_TOKEN": "t"}, ["IMGUR_REFRESH_TOKEN", "IMGUR_CLIENT_ID"]),
            ({"IMGUR_CLIENT_SECRET": "s"}, ["IMGUR_CLIENT_SECRET", "IMGUR_CLIENT_ID"]),
            (
                {"IMGUR_CLIENT_ID": "i", "IMGUR_REFRESH_TOKEN": "t"},
                ["IMGUR_REFRESH_TOKEN", "IMGUR_CLIENT_SECRET"],
            ),
            ({"PORT": "9000", "SANDBOX_PORT": "9000"}, ["PORT", "SANDBOX_PORT", "9000"]),
        ],
    )
    def test_settings_that_contradict(self, environ: dict[str, str], names: list[str]) -> None:
        line = complaint(environ)
        assert "\n" not in line
        for name in names:
            assert name in line

    def test_an_account_is_revealed_only_on_demand(self) -> None:
        settings = load_settings(ACCOUNT)
        assert settings.imgur_client_id == SecretStr("the-id")
        assert settings.imgur_client_secret == SecretStr("the-secret")
        assert settings.imgur_refresh_token == SecretStr("the-token")
        assert load_settings({}).imgur_refresh_token is None

    @pytest.mark.parametrize(("port", "sandbox_port"), [("0", 0), ("8080", 8081), ("65535", 0)])
    def test_the_sandbox_stands_beside_the_service(self, port: str, sandbox_port: int) -> None:
        assert load_settings({"PORT": port}).sandbox_port == sandbox_port

    def test_two_free_ports_are_no_clash(self) -> None:
        assert load_settings({"PORT": "0", "SANDBOX_PORT": "0"}).sandbox_port == 0

    def test_ports_may_be_the_same_without_a_sandbox(self) -> None:
        environ = ACCOUNT | {"PORT": "9000", "SANDBOX_PORT": "9000"}
        assert load_settings(environ).port == 9000


def test_every_setting_says_what_it_expects() -> None:
    for field in Settings.model_fields.values():
        assert expected(field)


class TestApiKeys:
    def test_entries(self) -> None:
        keys = load_settings({"API_KEYS": "alice:k-1, k-2 bob:a:b"}).api_keys
        shown = [(key.name, key.secret.get_secret_value()) for key in keys]
        assert shown[0] == ("alice", "k-1")
        assert shown[2] == ("bob", "a:b")
        name, secret = shown[1]
        assert secret == "k-2"
        assert re.fullmatch(r"key-[0-9a-f]{12}", name)

    def test_a_name_made_from_a_key_stays_the_same(self) -> None:
        once, again = (load_settings({"API_KEYS": keys}).api_keys for keys in ("k", "j k"))
        assert once[0].name == again[1].name != again[0].name

    def test_the_same_entry_twice_is_one(self) -> None:
        assert len(load_settings({"API_KEYS": "k,k,a:x,a:x"}).api_keys) == 2

    @pytest.mark.parametrize(
        "text",
        ["a:x, a:y", "a:x, b:x", "a:x, x", ":x", "a:", "a: b", "ü:x", "a/b:x", "x" * 65 + ":y"],
    )
    def test_who_is_who_must_be_clear(self, text: str) -> None:
        message = complaint({"API_KEYS": text})
        assert message.startswith("API_KEYS: expected ")
        assert "x" * 65 not in message

    def test_keys_are_not_shown(self) -> None:
        shown = repr(load_settings(ACCOUNT | {"API_KEYS": "alice:hush-1 hush-2"}))
        assert "hush" not in shown


def test_a_burst_needs_a_rate() -> None:
    assert "RATE_LIMIT" in complaint({"RATE_LIMIT_BURST": "5"})
    assert load_settings({"RATE_LIMIT": "1/second", "RATE_LIMIT_BURST": "5"}).rate_limit_burst == 5


class TestWebhookSecrets:
    NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    def test_they_are_read_and_not_shown(self) -> None:
        settings = load_settings({"WEBHOOK_SECRET": f"{self.NEW},{self.OLD}"})
        assert settings.webhook_secret_values[0] == bytes(range(32))
        assert len(settings.webhook_secret_values) == 2
        assert self.OLD[6:] not in repr(settings)
        assert load_settings({}).webhook_secret_values == ()

    def test_one_may_come_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_text(self.NEW + "\n")
        settings = load_settings({"WEBHOOK_SECRET_FILE": str(path)})
        assert settings.webhook_secret_values == (bytes(range(32)),)

    @pytest.mark.parametrize(
        "text",
        [
            "secret-of-some-length-but-no-base64",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_" + base64.b64encode(bytes(23)).decode(),
            "whsec_" + base64.b64encode(bytes(65)).decode(),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",
            OLD + ",whsec_x",
            ",",
        ],
    )
    def test_another_form_is_refused_without_showing_it(self, text: str) -> None:
        with pytest.raises(SettingsError) as caught:
            load_settings({"WEBHOOK_SECRET": text})
        assert str(caught.value).startswith("WEBHOOK_SECRET: expected whsec_ and the base64 form")
        assert text in {",", "whsec_"} or text not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "waits"), [("5", (5.0,)), ("0.5, 300", (0.5, 300.0)), ("none", ())]
    )
    def test_the_waits(self, text: str, waits: tuple[float, ...]) -> None:
        assert load_settings({"WEBHOOK_RETRY_SECONDS": text}).webhook_retry_seconds == waits

    @pytest.mark.parametrize("text", ["0", "-1", "x", "nan", "inf", ",", "700000", "1," * 21])
    def test_waits_that_are_none(self, text: str) -> None:
        with pytest.raises(SettingsError, match="WEBHOOK_RETRY_SECONDS"):
            load_settings({"WEBHOOK_RETRY_SECONDS": text})


class TestWorkerCounts:
    def test_without_a_bound_it_is_that_of_worker_count(self) -> None:
        settings = load_settings({"WORKER_COUNT": "3"})
        assert (settings.worker_count_max, settings.max_workers) == (None, 512)

    def test_the_bound_may_be_the_count(self) -> None:
        settings = load_settings({"WORKER_COUNT": "3", "WORKER_COUNT_MAX": "3"})
        assert settings.max_workers == 3

    def test_the_bound_is_not_below_the_count(self) -> None:
        line = complaint({"WORKER_COUNT": "3", "WORKER_COUNT_MAX": "2"})
        assert line.startswith("WORKER_COUNT_MAX is 2, and WORKER_COUNT 3: ")


class TestAdminKey:
    def test_it_may_come_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text("key-of-the-admin\n")
        key = load_settings({"ADMIN_KEY_FILE": str(path)}).admin_key
        assert key is not None
        assert key.get_secret_value() == "key-of-the-admin"

    def test_it_is_no_api_key(self) -> None:
        line = complaint({"API_KEYS": "alice:hush-1", "ADMIN_KEY": "hush-1"})
        assert line.startswith("ADMIN_KEY is one of API_KEYS: ")
        assert "hush" not in line


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.internal:3128",
        "https://proxy.internal",
        "socks5h://user:p%40ss@10.0.0.1:1080/",
        "http://[fd00::1]:3128",
    ],
)
def test_proxies_are_secrets(url: str, tmp_path: Path) -> None:
    file = tmp_path / "proxy"
    file.write_text(url + "\n")

    settings = load_settings({"SOURCE_PROXY": url, "IMGUR_PROXY_FILE": str(file)})

    assert settings.source_proxy == settings.imgur_proxy == SecretStr(url.removesuffix("/"))
    assert url not in repr(settings)


@pytest.mark.parametrize(
    "url",
    ["proxy:3128", "socks4://proxy", "ftp://proxy", "http://:1", "http://proxy/path", "http://a b"],
)
def test_what_is_no_proxy(url: str) -> None:
    message = complaint({"SOURCE_PROXY": url})

    assert message.startswith("SOURCE_PROXY: expected http://, https:// or socks5h://")
    assert url not in message


def test_a_file_of_authorities_holds_certificates(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing of the kind")

    assert complaint({"CA_FILE": str(file)}).startswith("CA_FILE=")
    assert complaint({"CA_FILE": str(tmp_path / "missing")}).startswith("CA_FILE=")
    assert load_settings({"CA_FILE": certifi.where()}).ca_file == certifi.where()


def test_proxies_of_the_environment_are_named() -> None:
    assert ignored_proxies({"HTTP_PROXY": "x", "https_proxy": "y", "ALL_PROXY": ""}) == [
        "HTTP_PROXY",
        "https_proxy",
    ]
