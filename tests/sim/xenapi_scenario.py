"""A whole scenario with the official Python client, against a host that says
it is one.  Arguments: URL USER PASSWORD-FILE VM-UUID SR-UUID NETWORK-UUID.

Prints one line a step; anything else than `done` at the end is a failure.
"""

import hashlib
import http.client
import io
import ssl
import sys
import tarfile
import time
from urllib.parse import urlparse

import XenAPI

url, user, password_file, vm_uuid, sr_uuid, network_uuid = sys.argv[1:]
with open(password_file) as file:
    password = file.read().strip()

# 1. Log in; wrong passwords are refused.
session = XenAPI.Session(url, ignore_ssl=True)
try:
    session.xenapi.login_with_password(user, "wrong", "1.0", "scenario")
    sys.exit("a wrong password was accepted")
except XenAPI.Failure as failure:
    assert failure.details[0] == "SESSION_AUTHENTICATION_FAILED", failure.details
session.xenapi.login_with_password(user, password, "1.0", "scenario")
api = session.xenapi
print("logged in")

# 2. List.
pools = api.pool.get_all_records()
assert len(pools) == 1
pool = next(iter(pools.values()))
assert api.host.get_record(pool["master"])["software_version"]["product_brand"] == "XCP-ng"
vm = api.VM.get_by_uuid(vm_uuid)
record = api.VM.get_record(vm)
assert record["power_state"] == "Halted", record["power_state"]
assert record["VCPUs_max"] == "2", "integers are strings in XML-RPC"
for wrong, code in [
    (lambda: api.VM.get_by_uuid("nobody"), "UUID_INVALID"),
    (lambda: api.VM.get_record("OpaqueRef:nobody"), "HANDLE_INVALID"),
    (lambda: api.VM.frobnicate(vm), "MESSAGE_METHOD_UNKNOWN"),
    (lambda: api.VM.start(vm), "MESSAGE_PARAMETER_COUNT_MISMATCH"),
    (lambda: api.VM.hard_shutdown(vm), "VM_BAD_POWER_STATE"),
]:
    try:
        wrong()
        sys.exit("expected " + code)
    except XenAPI.Failure as failure:
        assert failure.details[0] == code, failure.details
print("listed")

# 3. Create a disk and a VM from a template.
sr = api.SR.get_by_uuid(sr_uuid)
vdi = api.VDI.create({
    "name_label": "scenario", "SR": sr, "virtual_size": str(5 * 1024 * 1024),
    "type": "user", "sharable": False, "read_only": False, "other_config": {},
})
assert api.VDI.get_virtual_size(vdi) == str(6 * 1024 * 1024), "rounded up to 2 MiB"
template = api.VM.get_by_name_label("Other install media")[0]
clone = api.VM.clone(template, "scenario")
api.VM.provision(clone)
api.VM.set_HVM_boot_params(clone, {"order": "c", "firmware": "uefi"})
vbd = api.VBD.create({
    "VM": clone, "VDI": vdi, "userdevice": "0", "bootable": True, "mode": "RW",
    "type": "Disk", "empty": False, "other_config": {},
    "qos_algorithm_type": "", "qos_algorithm_params": {},
})
network = api.network.get_by_uuid(network_uuid)
api.VIF.create({
    "device": "0", "network": network, "VM": clone, "MAC": "", "MTU": "1500",
    "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {},
})
print("created")

# 4. Import.  The 200 comes before the body; the task is the truth.
content = bytes(range(256)) * (5 * 4096)
task = api.task.create("import", "")
parts = urlparse(url)
connection = http.client.HTTPSConnection(
    parts.hostname, parts.port, context=ssl._create_unverified_context()
)
connection.request(
    "PUT",
    "/import_raw_vdi?vdi=%s&format=raw&session_id=%s&task_id=%s" % (vdi, session._session, task),
    body=content,
)
assert connection.getresponse().status == 200
while api.task.get_status(task) == "pending":
    time.sleep(0.05)
assert api.task.get_status(task) == "success", api.task.get_error_info(task)
assert api.task.get_result(task).startswith("<value>OpaqueRef:")
api.task.destroy(task)
connection = http.client.HTTPSConnection(
    parts.hostname, parts.port, context=ssl._create_unverified_context()
)
connection.request("GET", "/export_raw_vdi?vdi=%s&format=raw&session_id=%s" % (vdi, session._session))
exported = connection.getresponse().read()
assert exported[: len(content)] == content and not any(exported[len(content):])
print("imported")

# 5. A machine and its disk leave in an archive and come back from it as another one;
# a disk comes into an SR that is named.


def transfer(method, place, body=None):
    """The body of the answer, and the result of the task, None while it fails."""
    task = api.task.create("transfer", "")
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, context=ssl._create_unverified_context()
    )
    try:
        connection.request(
            method, "%s&session_id=%s&task_id=%s" % (place, session._session, task), body=body
        )
        answer = connection.getresponse().read()
    except OSError:
        # A host that refuses does not read on.
        answer = b""
    while api.task.get_status(task) == "pending":
        time.sleep(0.05)
    result = api.task.get_result(task) if api.task.get_status(task) == "success" else None
    error = api.task.get_error_info(task)
    api.task.destroy(task)
    return answer, result, error


def objects(classes=("VM", "VBD", "VIF", "VDI")):
    return {name: set(getattr(api, name).get_all()) for name in classes}


sr = api.SR.get_by_uuid(sr_uuid)
for compression in ("false", "true"):
    archive, _, error = transfer(
        "GET", "/export?ref=%s&use_compression=%s" % (clone, compression)
    )
    assert not error, error
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()
        assert names[0] == "ova.xml" and names[1].endswith("/00000000"), names
        piece = tar.extractfile(names[1]).read()
        assert piece == content[: 1 << 20]
        assert tar.extractfile(names[2]).read().decode() == hashlib.sha1(piece).hexdigest()
        table = tar.extractfile("ova.xml").read()
        assert b"OpaqueRef:NULL" in table and clone.encode() not in table
    before = objects()
    _, result, error = transfer("PUT", "/import?sr_uuid=" + sr_uuid, archive)
    assert result, error
    (copy,) = objects()["VM"] - before["VM"]
    assert copy in result, result
    assert api.VM.get_name_label(copy) == "scenario" and copy != clone
    assert api.VM.get_HVM_boot_params(copy)["firmware"] == "uefi"
    (vif,) = api.VM.get_VIFs(copy)
    assert api.VIF.get_network(vif) == network
    assert api.VIF.get_MAC(vif) != api.VIF.get_MAC(api.VM.get_VIFs(clone)[0])
    (disk,) = [api.VBD.get_VDI(it) for it in api.VM.get_VBDs(copy)]
    data, _, error = transfer("GET", "/export_raw_vdi?format=raw&vdi=" + disk)
    assert data == exported, error
    api.VM.destroy(copy)
    api.VDI.destroy(disk)
    assert objects() == before
# What is not whole leaves nothing.
half = archive[: len(archive) // 2]
_, result, error = transfer("PUT", "/import?sr_uuid=" + sr_uuid, half)
assert not result and error[0] == "IMPORT_ERROR_PREMATURE_EOF", error
_, result, error = transfer("PUT", "/import?restore=true&sr_uuid=" + sr_uuid, archive)
assert not result and error == ["DUPLICATE_VM", clone], error
assert objects() == before
_, result, error = transfer("PUT", "/import_raw_vdi?format=raw&sr_id=" + sr, content)
disk = result[len("<value>") : -len("</value>")]
assert api.VDI.get_name_label(disk) == "Imported VDI" and api.VDI.get_SR(disk) == sr
assert int(api.VDI.get_virtual_size(disk)) >= len(content)
api.VDI.destroy(disk)
_, result, error = transfer("PUT", "/import_raw_vdi?format=vhd&sr_id=" + sr, content)
assert error == ["INTERNAL_ERROR", "Importing a VHD directly into an SR not yet supported"], error
_, result, error = transfer("PUT", "/import_raw_vdi?format=raw", content)
assert error == ["VDI_MISSING"], error
print("exported")

# 6. Boot by an asynchronous task, watched by events.
batch = session.xenapi.event_from(["vm"], "", 1.0)
assert any(e["ref"] == clone and e["operation"] == "add" for e in batch["events"])
task = session.xenapi.Async.VM.start(clone, False, True)
token, status = "", "pending"
while status == "pending":
    batch = session.xenapi.event_from(["task/" + task], token, 10.0)
    token = batch["token"]
    for event in batch["events"]:
        status = event["snapshot"]["status"]
assert status == "success", api.task.get_error_info(task)
api.task.destroy(task)
assert api.VM.get_power_state(clone) == "Running"
try:
    api.VDI.destroy(vdi)
    sys.exit("a disk in use was destroyed")
except XenAPI.Failure as failure:
    assert failure.details == ["VDI_IN_USE", vdi, "destroy"], failure.details
print("booted")

# 7. Shut down and destroy; the VM leaves its disk behind.
api.VM.hard_shutdown(clone)
assert api.VM.get_power_state(clone) == "Halted"
api.VM.destroy(clone)
api.VDI.destroy(vdi)
try:
    api.VDI.get_record(vdi)
    sys.exit("a destroyed disk is still there")
except XenAPI.Failure as failure:
    assert failure.details[0] == "HANDLE_INVALID", failure.details
session.xenapi.session.logout()
print("done")
