"""A whole scenario with the official Python client, against a host that says
it is one.  Arguments: URL USER PASSWORD-FILE VM-UUID SR-UUID NETWORK-UUID.

Prints one line a step; anything else than `done` at the end is a failure.
"""

import http.client
import ssl
import sys
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

# 5. Boot by an asynchronous task, watched by events.
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

# 6. Shut down and destroy; the VM leaves its disk behind.
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
