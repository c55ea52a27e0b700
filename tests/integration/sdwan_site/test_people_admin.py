"""People and tokens: nobody gets more rights through the admin than they have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from sdwan_site.models import ApiToken, User
from tests.conftest import make_person
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    """What the form of a person sends."""
    values = {"username": user.username, "is_active": "on", "time_zone": ""}
    return {**values, **changes}


def change(client: Client, user: User, **changes: Any) -> int:
    """Send the form of ``user``; the status."""
    url = f"/admin/sdwan_site/user/{user.pk}/change/"
    return client.post(url, user_form(user, **changes)).status_code


def test_an_administrator_gives_roles(admin_role_client: Client) -> None:
    person = UserFactory()
    operator = Group.objects.get(name="operator")
    assert change(admin_role_client, person, groups=[str(operator.pk)]) == 302
    assert list(person.groups.all()) == [operator]


def test_an_administrator_makes_no_superuser(admin_role_client: Client, admin: User) -> None:
    person = UserFactory()
    change(admin_role_client, person, is_superuser="on")
    change(admin_role_client, admin, is_superuser="on", is_staff="on")
    assert not User.objects.filter(is_superuser=True).exists()


def test_an_administrator_does_not_touch_superusers(
    admin_role_client: Client, superuser: User
) -> None:
    assert change(admin_role_client, superuser, email="mine@example.com") == 403
    base = f"/admin/sdwan_site/user/{superuser.pk}"
    password = {"password1": "another long one 1", "password2": "another long one 1"}
    assert admin_role_client.post(f"{base}/password/", password).status_code == 403
    assert admin_role_client.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [str(superuser.pk)]}
    admin_role_client.post("/admin/sdwan_site/user/", {**selected, "post": "yes"})
    assert User.objects.filter(pk=superuser.pk).exists()


def test_an_administrator_gives_no_group_with_rights_beyond_their_own(
    admin_role_client: Client,
) -> None:
    strong = Group.objects.create(name="strong")
    strong.permissions.add(Permission.objects.get(codename="delete_schedule"))
    person = UserFactory()
    assert change(admin_role_client, person, groups=[str(strong.pk)]) == 200
    assert not person.groups.exists()


def test_an_administrator_does_not_change_what_roles_may_do(admin_role_client: Client) -> None:
    role = Group.objects.get(name="admin")
    url = f"/admin/auth/group/{role.pk}/change/"
    answer = admin_role_client.post(url, {"name": "admin", "permissions": []})
    assert answer.status_code == 403


def test_rights_cannot_be_given_to_a_person_alone(superuser_client: Client) -> None:
    person = UserFactory()
    page = superuser_client.get(f"/admin/sdwan_site/user/{person.pk}/change/").content.decode()
    assert 'name="user_permissions"' not in page


def test_a_superuser_makes_superusers(superuser_client: Client) -> None:
    person = UserFactory()
    assert change(superuser_client, person, is_superuser="on") == 302
    person.refresh_from_db()
    assert person.is_superuser


def test_a_token_is_shown_once_and_stored_as_a_hash(admin_role_client: Client) -> None:
    person = make_person("viewer")
    form = {"name": "Grafana", "user": str(person.pk), "scope": "read", "site": "", "days": "30"}
    page = admin_role_client.post("/admin/sdwan_site/apitoken/add/", form, follow=True)
    shown = page.content.decode().split("shown only now: ")[1].split("<")[0].strip()
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.token_key) == (person, "Grafana", shown[:15])
    assert token.expiry is not None
    assert shown not in admin_role_client.get("/admin/sdwan_site/apitoken/").content.decode()
    answer = Client().get("/api/v1/paths/", headers={"Authorization": f"Token {shown}"})
    assert answer.status_code == 200


def test_nobody_makes_a_token_of_a_superuser_but_a_superuser(
    admin_role_client: Client, superuser: User
) -> None:
    form = {"name": "x", "user": str(superuser.pk), "scope": "admin", "site": "", "days": ""}
    answer = admin_role_client.post("/admin/sdwan_site/apitoken/add/", form)
    assert answer.status_code == 200
    assert not ApiToken.objects.exists()


def test_only_listed_models_have_a_page_in_the_admin(superuser_client: Client) -> None:
    assert superuser_client.get("/admin/django_q/schedule/").status_code == 200
    assert superuser_client.get("/admin/django_q/schedule/add/").status_code == 403
    for unlisted in ("django_q/ormq", "django_q/success", "knox/authtoken"):
        assert superuser_client.get(f"/admin/{unlisted}/").status_code == 404


def test_the_account_page_changes_zone_and_password(viewer_client: Client, viewer: User) -> None:
    assert viewer_client.post("/account/", {"time_zone": "Mars/Olympus"}).status_code == 200
    assert viewer_client.post("/account/", {"time_zone": "Europe/Berlin"}).status_code == 302
    new = "an even longer password"
    passwords = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert viewer_client.post("/account/", passwords).status_code == 302
    viewer.refresh_from_db()
    assert viewer.time_zone == "Europe/Berlin"
    assert viewer.check_password(new)
    assert viewer_client.get("/account/").status_code == 200, "the session goes on"


def test_signing_in_leads_to_the_page_that_was_asked_for(viewer: User) -> None:
    client = Client()
    answer = client.get("/policies/")
    assert answer.headers["Location"] == "/login/?next=/policies/"
    form = {"username": "viewer", "password": PASSWORD, "next": "/policies/"}
    assert client.post("/login/", form).headers["Location"] == "/policies/"


def test_guessing_passwords_locks_the_account_for_that_address(viewer: User) -> None:
    client = Client()
    for _ in range(6):
        answer = client.post("/login/", {"username": "viewer", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert client.post("/login/", {"username": "viewer", "password": PASSWORD}).status_code == 429
