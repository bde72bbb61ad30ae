"""Addresses of the emulators: kept, unless somebody else took them."""

import dataclasses
import socket
import sys
from pathlib import Path

import pytest

from components.errors import EmulatorError
from components.settings import ENDPOINTS_FILE, Settings
from pipelines.local import addresses
from pipelines.local.accounts import key_file
from pipelines.local.command_lines import endpoints


def choose(file: Path, *, in_use: frozenset[str] = frozenset()) -> tuple[addresses.Addresses, list[str]]:
    told: list[str] = []
    return addresses.choose(file, in_use=in_use, progress=told.append), told


def test_addresses_differ_and_are_kept(tmp_path: Path) -> None:
    first, told = choose(tmp_path / "ports.json")
    second, told_again = choose(tmp_path / "ports.json")

    assert first == second == addresses.read(tmp_path / "ports.json")
    assert len(set(dataclasses.astuple(first))) == 6
    assert told == told_again == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")
def test_the_instance_has_a_loopback_address_of_its_own(tmp_path: Path) -> None:
    chosen, _ = choose(tmp_path / "ports.json")

    assert chosen.instance.startswith("127.77.")


def test_a_port_that_somebody_took_is_changed_and_said(tmp_path: Path) -> None:
    before, _ = choose(tmp_path / "ports.json")

    with socket.create_server(("127.0.0.1", before.bigquery)):
        after, told = choose(tmp_path / "ports.json")

    assert after == dataclasses.replace(before, bigquery=after.bigquery)
    assert told == [f"bigquery: 127.0.0.1:{before.bigquery} was taken by another process; it is 127.0.0.1:{after.bigquery} from now on"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")
def test_an_instance_address_that_somebody_took_is_changed_and_said(tmp_path: Path) -> None:
    before, _ = choose(tmp_path / "ports.json")

    with socket.create_server((before.instance, 3307)):
        after, told = choose(tmp_path / "ports.json")

    assert after == dataclasses.replace(before, instance=after.instance)
    assert told == [f"instance: {before.instance}:3307 was taken by another process; it is {after.instance}:3307 from now on"]


def test_a_port_that_our_own_emulator_has_is_kept(tmp_path: Path) -> None:
    before, _ = choose(tmp_path / "ports.json")

    with socket.create_server(("127.0.0.1", before.bigquery)):
        after, told = choose(tmp_path / "ports.json", in_use=frozenset({"bigquery"}))

    assert (after, told) == (before, [])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")
def test_ports_stay_when_the_host_changes_and_only_127_0_0_1_has_an_instance_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before, _ = choose(file)

    away = addresses.choose(file, "127.0.0.2", in_use=dataclasses.asdict(before).keys(), progress=pytest.fail)
    back = addresses.choose(file, in_use=dataclasses.asdict(before).keys(), progress=pytest.fail)

    assert away == dataclasses.replace(before, host="127.0.0.2", instance="127.0.0.2")
    assert back == dataclasses.replace(before, instance=back.instance)
    assert back.instance.startswith("127.77.")


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "localhost", "::1", ""])  # noqa: S104 - it is refused
def test_a_host_that_is_not_ours_alone_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(EmulatorError) as error:
        addresses.choose(tmp_path / "ports.json", host, in_use=(), progress=pytest.fail)
    assert (
        str(error.value)
        == f"{host!r} is no IPv4 address of this machine: name one that containers reach, such as that of a bridge (`ip address`)"
    )
    assert not (tmp_path / "ports.json").exists()


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '{"bigquery": 1'])
def test_a_damaged_file_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)

    chosen, _ = choose(tmp_path / "ports.json")

    assert addresses.read(tmp_path / "ports.json") == chosen


@pytest.mark.parametrize(
    "name", ["plain", "with blanks", "Zoë's", 'Zoë\'s "folder"', "it's\\a\\\\b", "a$HOME #b", "${HOME}", "it's ${x:-y} ${:-$}", "a\nb "]
)
def test_clients_find_the_keys_below_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    given = {"project": "p-1234567", "bucket": "b-b", "cloudsql_instance": "p-1234567:europe-west1:r", "cloudsql_ip_type": "PUBLIC"}
    wanted = Settings(**given, database_user="trainer@p-1234567.iam", state_folder=tmp_path / name)  # type: ignore[arg-type]
    chosen, _ = choose(tmp_path / "ports.json")
    (tmp_path / ENDPOINTS_FILE).write_text(endpoints(wanted, tmp_path / name, chosen))

    found = Settings(_env_file=tmp_path / ENDPOINTS_FILE, **given, database_user="trainer@p-1234567.iam")  # type: ignore[arg-type]

    assert found.credentials_file == key_file(tmp_path / name, "writer")
    assert found.cloudsql_endpoint == f"http://{chosen.host}:{chosen.cloud_sql}"
