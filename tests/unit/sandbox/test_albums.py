import pytest

from sandbox import images

CLIENT = {"Authorization": "Client-ID sandbox"}


def picture(number):
    return images.inscribe("png", f"{number}.png").data


@pytest.fixture
def album(client):
    form = {"title": "A <day>", "privacy": "hidden", "deletehashes[]": ["x"]}
    answer = client.ask("POST", "/3/album", headers=CLIENT, data=form)
    assert answer.status_code == 200
    return answer.json()["data"]


def ids_in(client, album):
    answer = client.get(f"/3/album/{album['id']}/images", CLIENT)
    return [image["id"] for image in answer.json()["data"]]


def add(client, album, number):
    answer = client.upload(picture(number), form={"album": album["deletehash"]})
    assert answer.status_code == 200
    return answer.json()["data"]


def test_an_album_is_created_empty_and_filled_by_uploads(client, album):
    assert ids_in(client, album) == []
    first, second = add(client, album, 1), add(client, album, 2)
    assert ids_in(client, album) == [first["id"], second["id"]]
    (told,) = client.uploads()["albums"]
    assert (told["title"], told["privacy"], told["layout"]) == ("A <day>", "hidden", None)
    assert told["images"] == ids_in(client, album)
    page = client.get(f"/sandbox/a/{album['id']}")
    assert "<h1>A &lt;day&gt;</h1>" in page.text
    assert page.text.index(first["link"]) < page.text.index(second["link"])


@pytest.mark.parametrize("field", ["deletehashes[]", "ids[]"])
def test_images_are_set_in_an_order(client, album, field):
    told = [add(client, album, number) for number in range(3)]
    key = "deletehash" if field == "deletehashes[]" else "id"
    wanted = {field: [told[2][key], told[0][key]]}
    answer = client.ask("POST", f"/3/album/{album['deletehash']}", headers=CLIENT, data=wanted)
    assert answer.json()["data"] is True
    assert ids_in(client, album) == [told[2]["id"], told[0]["id"]]


def test_an_album_of_any_number_of_images_is_set_in_an_order(client, album):
    kept = add(client, album, 1)
    wanted = {"ids[]": [kept["id"]] * 1_500}
    answer = client.ask("POST", f"/3/album/{album['deletehash']}", headers=CLIENT, data=wanted)
    assert answer.status_code == 200


def test_an_unknown_image_changes_nothing(client, album):
    kept = add(client, album, 1)
    wanted = {"deletehashes[]": [kept["deletehash"], "sbx-1-2"]}
    answer = client.ask("POST", f"/3/album/{album['deletehash']}", headers=CLIENT, data=wanted)
    assert answer.status_code == 403
    assert ids_in(client, album) == [kept["id"]]


def test_a_deleted_image_leaves_its_album(client, album):
    image = add(client, album, 1)
    client.ask("DELETE", f"/3/image/{image['deletehash']}", headers=CLIENT)
    assert ids_in(client, album) == []


def test_a_deleted_album_takes_nothing(client, album):
    path = f"/3/album/{album['deletehash']}"
    assert client.ask("DELETE", path, headers=CLIENT).json()["data"] is True
    assert client.ask("DELETE", path, headers=CLIENT).status_code == 404
    assert client.upload(picture(1), form={"album": album["deletehash"]}).status_code == 404
    assert client.get(f"/3/album/{album['id']}/images", CLIENT).status_code == 404
    assert client.get(f"/sandbox/a/{album['id']}").status_code == 404
    assert client.uploads()["count"] == 0


@pytest.mark.parametrize("name", ["id", "deletehash"])
def test_an_anonymous_album_is_changed_by_its_deletehash_alone(client, album, name):
    answer = client.ask("DELETE", f"/3/album/{album[name]}", headers=CLIENT)
    assert answer.status_code == (404 if name == "id" else 200)


def test_an_album_that_is_not_known_here_takes_what_comes(client):
    assert client.upload(picture(1), form={"album": "aBc12"}).status_code == 200


def test_no_call_without_a_client(client):
    assert client.ask("POST", "/3/album").status_code == 401


@pytest.mark.parametrize("path", ["/3/album/a/b", "/3/album/a/add"])
def test_other_calls_are_unknown(client, path):
    assert client.ask("PUT", path, headers=CLIENT).status_code == 404


@pytest.mark.parametrize(("fault", "status"), [("403-capacity", 403), ("altered", 200)])
def test_a_blocked_address_creates_none(client, fault, status):
    path = f"/faults/imgur/{fault}/3/album"
    assert client.ask("POST", path, headers=CLIENT).status_code == status
