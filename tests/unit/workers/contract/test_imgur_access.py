import pickle

from workers.contract.imgur_access import ImgurAccess

API = "https://api.imgur.com"


def test_access_travels_and_hides_its_secrets() -> None:
    access = ImgurAccess(
        API, "the-client-id", "the-client-secret", "the-refresh-token", album="the-album"
    )
    assert pickle.loads(pickle.dumps(access)) == access
    for secret in ("the-client-id", "the-client-secret", "the-refresh-token", "the-album"):
        assert secret not in repr(access)
    assert API in repr(access)
