//! Which values of the API are integers.
//!
//! XML-RPC has integers of 32 bits and XAPI's have 64, so hosts write them as
//! strings, which look like any other. JSON has numbers. What is an integer, the
//! datamodel knows; with what it says, a call gives the same value in both.
//!
//! Source: the published XenAPI datamodel; a test holds the tables against it.

use serde_json::Value;

/// The fields that are integers, by class.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("event", &["id"]),
    (
        "pool",
        &[
            "ha_host_failures_to_tolerate",
            "ha_plan_exists_for",
            "local_auth_max_threads",
            "ext_auth_max_threads",
            "ext_auth_cache_size",
            "ext_auth_cache_expiry",
            "update_sync_day",
            "vm_console_idle_timeout",
        ],
    ),
    ("pool_patch", &["size"]),
    ("pool_update", &["installation_size"]),
    (
        "VM",
        &[
            "user_version",
            "memory_overhead",
            "memory_target",
            "memory_static_max",
            "memory_dynamic_max",
            "memory_dynamic_min",
            "memory_static_min",
            "VCPUs_max",
            "VCPUs_at_startup",
            "domid",
            "start_delay",
            "shutdown_delay",
            "order",
            "version",
            "hardware_platform_version",
        ],
    ),
    (
        "VM_metrics",
        &["memory_actual", "VCPUs_number", "numa_nodes"],
    ),
    ("VMPP", &["backup_retention_value"]),
    ("VMSS", &["retained_snapshots"]),
    (
        "host",
        &[
            "memory_overhead",
            "API_version_major",
            "API_version_minor",
            "ssh_enabled_timeout",
            "console_idle_timeout",
        ],
    ),
    ("host_crashdump", &["size"]),
    ("host_patch", &["size"]),
    ("host_metrics", &["memory_total", "memory_free"]),
    ("host_cpu", &["number", "speed", "family", "model"]),
    ("network", &["MTU"]),
    ("VIF", &["MTU", "status_code"]),
    ("PIF", &["MTU", "VLAN"]),
    ("PIF_metrics", &["speed"]),
    ("Bond", &["links_up"]),
    ("VLAN", &["tag"]),
    (
        "SR",
        &[
            "virtual_allocation",
            "physical_utilisation",
            "physical_size",
        ],
    ),
    ("sr_stat", &["free_space", "total_space"]),
    ("VDI", &["virtual_size", "physical_utilisation"]),
    ("VBD", &["status_code"]),
    ("blob", &["size"]),
    ("message", &["priority"]),
    (
        "VGPU_type",
        &[
            "framebuffer_size",
            "max_heads",
            "max_resolution_x",
            "max_resolution_y",
        ],
    ),
    ("PVS_server", &["first_port", "last_port"]),
    ("PVS_cache_storage", &["size"]),
    ("SDN_controller", &["port"]),
    ("vdi_nbd_server_info", &["port"]),
    (
        "Cluster",
        &[
            "cluster_stack_version",
            "quorum",
            "live_hosts",
            "expected_hosts",
        ],
    ),
];

/// The fields that are sets of integers, or maps to them.
pub const COLLECTIONS: &[(&str, &[&str])] = &[
    ("VM_metrics", &["VCPUs_CPU", "numa_node_memory"]),
    ("host", &["virtual_hardware_platform_versions"]),
    ("VIF", &["trunks"]),
    ("SM", &["features"]),
    ("PGPU", &["supported_VGPU_max_capacities"]),
];

/// The explicit calls whose result is an integer.
pub const CALLS: &[&str] = &[
    "event.get_current_id",
    "pool.ha_compute_hypothetical_max_host_failures_to_tolerate",
    "pool.ha_compute_max_host_failures_to_tolerate",
    "VM.maximise_memory",
    "VM.compute_memory_overhead",
    "host.compute_memory_overhead",
    "host.compute_free_memory",
    "network_sriov.get_remaining_capacity",
    "PGPU.get_remaining_capacity",
    "GPU_group.get_remaining_capacity",
    "Caller.query_group_call_count",
    "Caller.query_call_count",
];

/// Let RESULT, which METHOD has answered, have integers where the datamodel has
/// them.
pub fn restore(method: &str, result: &mut Value) {
    let method = method.strip_prefix("Async.").unwrap_or(method);
    if CALLS.contains(&method) {
        number(result);
        return;
    }
    let Some((class, name)) = method.split_once('.') else {
        return;
    };
    match name {
        "get_record" => record(class, result),
        "get_all_records" | "get_all_records_where" => records(class, result),
        "get" | "get_since" if class == "message" => records(class, result),
        "from" if class == "event" => events(result),
        _ => {
            if let Some(name) = name.strip_prefix("get_") {
                field(class, name, result);
            }
        }
    }
}

fn records(class: &str, result: &mut Value) {
    for value in result
        .as_object_mut()
        .into_iter()
        .flat_map(|it| it.values_mut())
    {
        record(class, value);
    }
}

fn record(class: &str, result: &mut Value) {
    for (name, value) in result.as_object_mut().into_iter().flatten() {
        field(class, name, value);
    }
}

/// Events name their class in lower case, and write their number as a string in
/// both dialects.
fn events(batch: &mut Value) {
    let events = batch.get_mut("events").and_then(Value::as_array_mut);
    for event in events.into_iter().flatten() {
        let class = event["class"].as_str().unwrap_or_default().to_owned();
        let known = FIELDS
            .iter()
            .chain(COLLECTIONS)
            .find(|(name, _)| name.eq_ignore_ascii_case(&class));
        if let (Some((class, _)), Some(snapshot)) = (known, event.get_mut("snapshot")) {
            record(class, snapshot);
        }
    }
}

fn field(class: &str, name: &str, value: &mut Value) {
    let has = |table: &[(&str, &[&str])]| {
        table
            .iter()
            .any(|(known, fields)| *known == class && fields.contains(&name))
    };
    if has(FIELDS) {
        number(value);
    } else if has(COLLECTIONS) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(number),
            Value::Object(entries) => entries.values_mut().for_each(number),
            _ => {}
        }
    }
}

fn number(value: &mut Value) {
    if let Value::String(text) = value
        && let Ok(number) = text.trim().parse::<i64>()
    {
        *value = Value::from(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_datamodel_calls_an_integer_is_one_and_nothing_else_is() {
        let vdi = json!({"virtual_size": "8589934592", "name_label": "12"});
        let whole = json!({"virtual_size": 8_589_934_592_u64, "name_label": "12"});
        let cases = [
            ("VDI.get_record", vdi.clone(), whole.clone()),
            (
                "VDI.get_all_records",
                json!({"OpaqueRef:1": vdi}),
                json!({"OpaqueRef:1": whole}),
            ),
            ("VDI.get_virtual_size", json!("7"), json!(7)),
            ("VDI.get_name_label", json!("7"), json!("7")),
            ("Async.VM.maximise_memory", json!("-1"), json!(-1)),
            ("VIF.get_trunks", json!(["1", "2"]), json!([1, 2])),
            (
                "event.from",
                json!({"events": [{"class": "vdi", "id": "3", "snapshot": vdi}]}),
                json!({"events": [{"class": "vdi", "id": "3", "snapshot": whole}]}),
            ),
        ];
        for (method, mut given, expected) in cases {
            restore(method, &mut given);
            assert_eq!(given, expected, "{method}");
        }
    }

    /// `FRUIX_XENAPI_JSON` names a copy of the published datamodel.
    #[test]
    fn the_tables_are_those_of_the_published_datamodel() {
        let Some(path) = std::env::var_os("FRUIX_XENAPI_JSON") else {
            println!("skipped: FRUIX_XENAPI_JSON does not name the published datamodel");
            return;
        };
        let text = std::fs::read(path).expect("the datamodel can be read");
        let classes: Vec<Value> = serde_json::from_slice(&text).expect("it is JSON");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut published = [Vec::new(), Vec::new(), Vec::new()];
        for class in &classes {
            let class_name = text(&class["name"]);
            for field in list(&class["fields"]) {
                let kind = text(&field["type"]);
                let place = format!("{class_name}.{}", text(&field["name"]));
                if kind == "int" {
                    published[0].push(place);
                } else if kind == "int set" || kind.ends_with("-> int) map") {
                    published[1].push(place);
                }
            }
            for message in list(&class["messages"]) {
                let implicit = message["implicit"] == true;
                if message["result"][0] == "int" && !implicit {
                    published[2].push(format!("{class_name}.{}", text(&message["name"])));
                }
            }
        }
        let ours = |table: &[(&str, &[&str])]| -> Vec<String> {
            let places = table.iter().flat_map(|(class, fields)| {
                fields.iter().map(move |field| format!("{class}.{field}"))
            });
            places.collect()
        };
        let mut tables = [
            ours(FIELDS),
            ours(COLLECTIONS),
            CALLS.iter().map(ToString::to_string).collect(),
        ];
        for (published, ours) in published.iter_mut().zip(&mut tables) {
            published.sort();
            ours.sort();
            assert_eq!(published, ours);
        }
    }
}
