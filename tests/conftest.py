"""What all tests share: a data directory of their own, people by role, layers that may be missing.

Nothing here starts a process or opens a socket; that belongs to the folders that need it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

# Before anything reads the settings again (child processes do) and before the
# database is made: nothing of a test may land in the developer's own var/.
DATA_DIR = Path(tempfile.mkdtemp(prefix="pathwarden-test-"))
os.environ["PATHWARDEN_DATA_DIR"] = str(DATA_DIR)

import pytest  # noqa: E402 - the data directory comes first
from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.test import Client  # noqa: E402

if TYPE_CHECKING:
    from sdwan_site.models import User

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)


def _isolate_settings() -> None:
    """pytest-django has loaded the settings already: point them at the tests' directory."""
    settings.DATA_DIR = DATA_DIR
    settings.STATIC_ROOT = DATA_DIR / "static"
    settings.STATIC_ROOT.mkdir()
    # No collectstatic in tests: files are served and named as they lie in the tree.
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    settings.CACHES["shared"]["LOCATION"] = str(DATA_DIR / "cache")
    # Made for real passwords, and slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["NAME"] = str(DATA_DIR / "pathwarden.sqlite3")
        database["TEST"]["NAME"] = str(DATA_DIR / "test.sqlite3")


_isolate_settings()


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(DATA_DIR, ignore_errors=True)


def missing_layer(reason: str) -> None:
    """A test can't run here: a loud skip for a developer, a failure in CI."""
    if IN_CI:
        pytest.fail(f"CI must have this layer: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ask for what a test's marker says it needs."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        missing_layer("needs root: raw sockets and network namespaces")
    if item.get_closest_marker("chromium") and CHROMIUM is None:
        missing_layer("needs a Chromium: apt-get install chromium")


@pytest.fixture(autouse=True)
def _rows_of_the_migrations(request: pytest.FixtureRequest) -> None:
    """A transactional test empties all tables; the next one finds the migrations' rows again.

    Not by pytest-django's serialized rollback: while Playwright's event loop runs,
    Django's connection is another object, which does not know the serialized rows.
    """
    marker = request.node.get_closest_marker("django_db")
    wanted = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not (wanted or (marker and marker.kwargs.get("transaction"))):
        return
    request.getfixturevalue("transactional_db")
    if not Group.objects.exists():
        import_module("sdwan_site.migrations.0002_roles").add_roles(apps, None)
    if not apps.get_model("health", "ProbeProfile").objects.exists():
        import_module("health.migrations.0002_built_in_profiles").add_profiles(apps, None)


def make_person(role: str) -> User:
    """A user with the rights of ``role``; an outsider has an account and no group."""
    from tests.factories import UserFactory

    user: User = UserFactory(username=role, is_staff=role == "admin")
    if role != "outsider":
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(user: User) -> Client:
    """A browser in which ``user`` has signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """What one test has kept for a few seconds is nothing to the next."""
    cache.clear()


@pytest.fixture
def viewer(db: None) -> User:
    """A person who may read."""
    return make_person("viewer")


@pytest.fixture
def operator(db: None) -> User:
    """A person who may read and act."""
    return make_person("operator")


@pytest.fixture
def admin(db: None) -> User:
    """A person who may configure; not a superuser."""
    return make_person("admin")


@pytest.fixture
def outsider(db: None) -> User:
    """A person with an account and no role."""
    return make_person("outsider")


@pytest.fixture
def superuser(db: None) -> User:
    """The first administrator of an installation."""
    from tests.factories import UserFactory

    user: User = UserFactory(username="root", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def anonymous_client() -> Client:
    """A browser in which nobody has signed in."""
    return Client()


@pytest.fixture
def viewer_client(viewer: User) -> Client:
    """The viewer's browser."""
    return client_of(viewer)


@pytest.fixture
def operator_client(operator: User) -> Client:
    """The operator's browser."""
    return client_of(operator)


@pytest.fixture
def admin_role_client(admin: User) -> Client:
    """The browser of a person with the role admin."""
    return client_of(admin)


@pytest.fixture
def outsider_client(outsider: User) -> Client:
    """The outsider's browser."""
    return client_of(outsider)


@pytest.fixture
def superuser_client(superuser: User) -> Client:
    """The first administrator's browser."""
    return client_of(superuser)
