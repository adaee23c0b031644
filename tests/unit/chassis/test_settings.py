from __future__ import annotations

import pytest

from libs.chassis.settings import ProcessSettings, ServiceSettings, SettingsError, load

PRODUCTION = {
    "ENVIRONMENT": "production",
    "OIDC_ISSUER": "https://id.example",
    "OIDC_JWKS": "https://id.example/keys",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka-0:9092,kafka-1:9092",
    "MONGO_URL": "mongodb://user:hunter2@mongo:27017/?replicaSet=rs0",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ServiceSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load(ServiceSettings)


def refused(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(SettingsError) as error:
        loaded(monkeypatch, **variables)
    return str(error.value)


def test_a_local_run_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)
    assert (settings.grpc_port, settings.operations_port, settings.production) == (9100, 9200, False)


def test_production_starts_with_everything_set_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, **PRODUCTION).production


@pytest.mark.parametrize("missing", ["OIDC_ISSUER", "OIDC_JWKS", "KAFKA_BOOTSTRAP_SERVERS", "MONGO_URL"])
def test_production_refuses_a_default(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    said = refused(monkeypatch, **{name: value for name, value in PRODUCTION.items() if name != missing})
    assert f"production needs {missing}" in said


def test_production_refuses_the_development_issuer_also_when_it_is_set_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "development issuer" in refused(monkeypatch, **PRODUCTION | {"OIDC_ISSUER": "urn:limelight:development"})


def test_keys_are_not_fetched_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "https" in refused(monkeypatch, OIDC_JWKS="http://id.example/keys")


@pytest.mark.parametrize("option", ["w=1", "journal=false", "readPreference=secondary", "retryWrites=false"])
def test_a_database_address_that_weakens_the_log_is_refused(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    said = refused(monkeypatch, MONGO_URL=f"mongodb://user:hunter2@mongo:27017/?{option}")
    assert option.partition("=")[0] in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRPC_PORT", "hunter2"),
        ("GRPC_PORT", "70000"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka"),
        ("MONGO_URL", "hunter2"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_value_is_named_by_its_variable_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    said = refused(monkeypatch, **{name: value})
    assert said.startswith(f"{name}: ")
    assert "hunter2" not in said


def test_the_database_address_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in repr(loaded(monkeypatch, **PRODUCTION))


def test_every_setting_says_what_it_is() -> None:
    for settings in (ProcessSettings, ServiceSettings):
        undocumented = [name for name, field in settings.model_fields.items() if not field.description]
        assert undocumented == []


def test_a_service_is_named_by_the_place_of_its_settings() -> None:
    with pytest.raises(SettingsError, match=r"services/<name>/settings\.py"):
        ServiceSettings.service()
    there = type("Settings", (ServiceSettings,), {"__module__": "services.campaigns.settings"})
    assert there.service() == "campaigns"
