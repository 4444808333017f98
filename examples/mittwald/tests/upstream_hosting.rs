//! The fake API's stacks, backups and domains, over HTTP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod shapes;

use mittwald_mcp::fake::{AUTH_CODE, DEMO_RO_TOKEN, DEMO_RW_TOKEN, Fake, READS_UNTIL_READY};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

const PROJECT: &str = "22222222-2222-4222-8222-000000000001";

async fn send_as(fake: &Fake, token: &str, method: Method, path: &str, body: Option<Value>) -> Response {
    let request = Client::new().request(method, format!("{}{path}", fake.url())).bearer_auth(token);
    match body {
        Some(body) => request.json(&body).send().await.unwrap(),
        None => request.send().await.unwrap(),
    }
}

async fn send(fake: &Fake, method: Method, path: &str, body: Option<Value>) -> Response {
    send_as(fake, DEMO_RW_TOKEN, method, path, body).await
}

async fn get(fake: &Fake, path: &str) -> Value {
    let response = send(fake, Method::GET, path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn every_answer_has_the_documents_shape() {
    let fake = Fake::start("ada").await.unwrap();
    for (path, count, check) in [
        (format!("/projects/{PROJECT}/services"), 2, shapes::service as fn(&Value)),
        (format!("/projects/{PROJECT}/stacks"), 1, shapes::stack),
        (format!("/projects/{PROJECT}/backups"), 2, shapes::backup),
        (format!("/domains?projectId={PROJECT}"), 2, shapes::domain),
    ] {
        let list = get(&fake, &path).await;
        assert_eq!(list.as_array().unwrap().len(), count, "{path}");
        list.as_array().unwrap().iter().for_each(check);
        let joint = if path.contains('?') { '&' } else { '?' };
        let response = send(&fake, Method::GET, &format!("{path}{joint}limit=1"), None).await;
        assert_eq!(response.headers()["x-pagination-totalcount"], count.to_string().as_str());
        assert_eq!(response.json::<Value>().await.unwrap(), json!([list[0]]));
    }
    assert!(get(&fake, "/domains").await.to_string().contains(AUTH_CODE), "the API itself does tell it");
    assert_eq!(get(&fake, "/domains?projectId=p-000002").await, json!([]));
    let shown = format!("{fake:?}");
    assert!(!shown.contains(AUTH_CODE) && !shown.contains("a password of a container"));
}

#[tokio::test]
async fn a_put_is_the_whole_stack() {
    let fake = Fake::start("ada").await.unwrap();
    let path = format!("/stacks/{PROJECT}");
    let body = json!({
        "services": { "web": { "image": "caddy:2", "ports": ["80:80/tcp"], "volumes": ["files:/srv"] } },
        "volumes": { "files": { "name": "files" } },
    });
    let response = send(&fake, Method::PUT, &path, Some(body.clone())).await;
    assert_eq!(response.status(), StatusCode::OK);
    let stack: Value = response.json().await.unwrap();
    shapes::stack(&stack);
    shapes::stack(&get(&fake, &path).await);
    assert_eq!(stack["services"].as_array().unwrap().len(), 1);
    assert_eq!(stack["services"][0]["status"], "creating");
    let orphaned: Vec<_> = stack["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| (&volume["name"], &volume["orphaned"]))
        .collect();
    assert_eq!(orphaned, [(&json!("data"), &json!(true)), (&json!("files"), &json!(false))]);
    assert_eq!(stack["volumes"][1]["linkedServices"], json!([stack["services"][0]["id"]]));
    for _ in 0..READS_UNTIL_READY {
        get(&fake, &format!("/projects/{PROJECT}/services")).await;
    }
    let again: Value = send(&fake, Method::PUT, &path, Some(body)).await.json().await.unwrap();
    assert_eq!(again["services"][0]["id"], stack["services"][0]["id"]);
    assert_eq!(again["services"][0]["status"], "running", "what does not change goes on");

    let empty: Value = send(&fake, Method::PUT, &path, Some(json!({ "services": {}, "volumes": {} })))
        .await
        .json()
        .await
        .unwrap();
    shapes::stack(&empty);
    assert_eq!(empty["services"], json!([]));
    assert!(empty["volumes"].as_array().unwrap().iter().all(|volume| volume["orphaned"] == true));
}

#[tokio::test]
async fn logs_are_text_and_a_restart_begins_anew() {
    let fake = Fake::start("ada").await.unwrap();
    let service = get(&fake, &format!("/projects/{PROJECT}/services")).await[0].clone();
    let of = format!("/stacks/{PROJECT}/services/{}", service["id"].as_str().unwrap());
    let logs = send(&fake, Method::GET, &format!("{of}/logs"), None).await;
    assert_eq!(logs.headers()["content-type"], "text/plain; charset=utf-8");
    let all = logs.text().await.unwrap();
    let tail = send(&fake, Method::GET, &format!("{of}/logs?tail=2"), None).await.text().await.unwrap();
    assert!(tail.lines().count() == 2 && all.ends_with(&tail));
    for tail in ["0", "-1", "x"] {
        let response = send(&fake, Method::GET, &format!("{of}/logs?tail={tail}"), None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(shapes::validation(&response.json().await.unwrap()), ["tail"]);
    }
    let restart = send(&fake, Method::POST, &format!("{of}/actions/restart"), None).await;
    assert_eq!(restart.status(), StatusCode::NO_CONTENT);
    assert_eq!(get(&fake, &format!("/projects/{PROJECT}/services")).await[0]["status"], "starting");
}

#[tokio::test]
async fn a_backup_comes_to_be_and_goes_with_its_project() {
    let fake = Fake::start("ada").await.unwrap();
    let expires = std::time::SystemTime::now() + std::time::Duration::from_secs(30 * 86_400);
    let body = json!({ "expirationTime": humantime::format_rfc3339_millis(expires).to_string() });
    let response = send(&fake, Method::POST, &format!("/projects/{PROJECT}/backups"), Some(body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let backup: Value = response.json().await.unwrap();
    shapes::backup(&backup);
    let path = format!("/project-backups/{}", backup["id"].as_str().unwrap());
    for _ in 0..READS_UNTIL_READY {
        assert_eq!(get(&fake, &path).await["status"], "Pending");
    }
    let ready = get(&fake, &path).await;
    shapes::backup(&ready);
    assert_eq!(ready["status"], "Completed");

    let schedules = format!("/projects/{PROJECT}/backup-schedules");
    let body = json!({ "schedule": "30 4 * * 1", "ttl": "14d" });
    let response = send(&fake, Method::POST, &schedules, Some(body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let schedule: Value = response.json().await.unwrap();
    shapes::backup_schedule(&schedule);
    assert_eq!(get(&fake, &schedules).await, json!([schedule]));

    assert_eq!(send(&fake, Method::DELETE, &format!("/projects/{PROJECT}"), None).await.status(), 204);
    for path in [path, schedules, format!("/projects/{PROJECT}/stacks")] {
        assert_eq!(send(&fake, Method::GET, &path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&fake, "/domains").await, json!([]));
}

#[tokio::test]
async fn bad_input_is_named_field_by_field() {
    let fake = Fake::start("ada").await.unwrap();
    let service = json!({ "image": "", "ports": ["80"], "volumes": ["a"], "restartPolicy": "perhaps" });
    for (method, path, body, fields) in [
        (
            Method::PUT,
            format!("/stacks/{PROJECT}"),
            json!({ "services": { "a": service }, "volumes": { "v": {} } }),
            vec![
                "services.a.image",
                "services.a.ports",
                "services.a.volumes",
                "services.a.restartPolicy",
                "volumes.v.name",
            ],
        ),
        (
            Method::PUT,
            format!("/stacks/{PROJECT}"),
            json!({ "services": { "x".repeat(64): { "image": "a" } } }),
            vec![],
        ),
        (
            Method::POST,
            format!("/projects/{PROJECT}/backups"),
            json!({ "description": "" }),
            vec!["expirationTime", "description"],
        ),
        (
            Method::POST,
            format!("/projects/{PROJECT}/backup-schedules"),
            json!({ "schedule": "* * * * *", "ttl": "1d" }),
            vec!["schedule", "ttl"],
        ),
    ] {
        let response = send(&fake, method, &path, Some(body)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let named = shapes::validation(&response.json().await.unwrap());
        assert!(fields.is_empty() || named == fields, "{named:?}");
    }
    for (method, path) in [
        (Method::GET, "/projects/none/services"),
        (Method::GET, "/projects/none/stacks"),
        (Method::GET, "/projects/none/backups"),
        (Method::GET, "/domains?projectId=none"),
        (Method::GET, "/stacks/none/services/none/logs"),
        (Method::DELETE, "/project-backups/none"),
    ] {
        let response = send(&fake, method, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        shapes::problem(&response.json().await.unwrap());
    }
}

#[tokio::test]
async fn who_only_reads_changes_nothing() {
    let fake = Fake::start("ada").await.unwrap();
    let lists = [format!("/projects/{PROJECT}/stacks"), format!("/projects/{PROJECT}/backups")];
    let (stacks, backups) = (get(&fake, &lists[0]).await, get(&fake, &lists[1]).await);
    let service = stacks[0]["services"][0]["id"].as_str().unwrap();
    let backup = backups[0]["id"].as_str().unwrap();
    for (method, path, body) in [
        (Method::PUT, format!("/stacks/{PROJECT}"), Some(json!({ "services": {}, "volumes": {} }))),
        (Method::POST, format!("/stacks/{PROJECT}/services/{service}/actions/restart"), None),
        (Method::POST, lists[1].clone(), Some(json!({ "expirationTime": "2099-01-01T00:00:00Z" }))),
        (
            Method::POST,
            format!("/projects/{PROJECT}/backup-schedules"),
            Some(json!({ "schedule": "0 1 * * *", "ttl": "7d" })),
        ),
        (Method::DELETE, format!("/project-backups/{backup}"), None),
    ] {
        let response = send_as(&fake, DEMO_RO_TOKEN, method, &path, body).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        shapes::problem(&response.json().await.unwrap());
    }
    let logs = format!("/stacks/{PROJECT}/services/{service}/logs");
    for path in [&lists[0], &lists[1], &logs] {
        let response = send_as(&fake, DEMO_RO_TOKEN, Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    assert_eq!((get(&fake, &lists[0]).await, get(&fake, &lists[1]).await), (stacks, backups));
    let kept = format!("/project-backups/{}", get(&fake, &lists[1]).await[1]["id"].as_str().unwrap());
    assert_eq!(
        send(&fake, Method::DELETE, &kept, None).await.status(),
        StatusCode::FORBIDDEN,
        "not deletable"
    );
}
