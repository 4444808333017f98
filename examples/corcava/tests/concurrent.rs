//! Many at once, and a process that is killed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod support;

use mcp_auth_core::audit::chain::{Verify, files};
use serde_json::json;
use support::{EVERYTHING, Server, call, connect, succeed};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_read_one_version_one_changes_it() {
    let server = Server::development().await;
    let first = server.client("ada", EVERYTHING).await;
    let task = succeed(&first, "list_tasks", json!({ "limit": 1 })).await["items"][0]["id"].clone();
    let mut tries = Vec::new();
    for number in 0..12 {
        let client = server.client("ada", "tasks:write").await;
        let patch =
            json!({ "task_id": task, "version": 1, "title": format!("Title {number}"), "reason": "a race" });
        tries.push(tokio::spawn(async move { call(&client, "update_task", patch).await.unwrap() }));
    }
    let mut done = 0;
    for each in tries {
        done += usize::from(each.await.unwrap().is_error == Some(false));
    }
    assert_eq!(done, 1);
    assert_eq!(succeed(&first, "get_task", json!({ "task_id": task })).await["version"], 2);
    assert_eq!(succeed(&first, "list_task_comments", json!({ "task_id": task })).await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_timer_runs_in_a_workspace_and_one_workspace_is_made() {
    let server = Server::development().await;
    let mut tries = Vec::new();
    for _ in 0..8 {
        // Nobody has been here before: the first requests make the workspace.
        let client = server.client("ada", EVERYTHING).await;
        tries.push(tokio::spawn(async move {
            let tasks = succeed(&client, "list_tasks", json!({})).await;
            assert_eq!(tasks["total"], 6);
            let started =
                call(&client, "start_time_tracking", json!({ "task_id": tasks["items"][0]["id"] })).await;
            started.unwrap().is_error == Some(false)
        }));
    }
    let mut started = 0;
    for each in tries {
        started += usize::from(each.await.unwrap());
    }
    assert_eq!(started, 1);
}

/// The program itself, as a process.
struct Process {
    child: tokio::process::Child,
    key: Option<String>,
    url: String,
}

impl Process {
    async fn start(listen: &str, data: &std::path::Path) -> Self {
        use tokio::io::{AsyncBufReadExt, BufReader};
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_corcava-mcp"))
            .args(["--listen", listen, "--data", data.to_str().unwrap()])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut key, mut url) = (None, None);
        while let Some(line) = lines.next_line().await.unwrap() {
            let word = |label: &str| {
                line.strip_prefix(label).and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
            };
            key = key.or_else(|| word("First key "));
            url = url.or_else(|| word("MCP endpoint "));
            if line.contains("ChatGPT") {
                break;
            }
        }
        Self { child, key, url: url.unwrap() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_writes_nothing_is_half_done() {
    let data = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut process = Process::start(&free, data.path()).await;
    let key = process.key.clone().expect("the first start shows a key");
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let client = connect(&process.url, &key).await;
        let (made, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let writing = tokio::spawn(async move {
            for number in 0.. {
                let new = json!({ "title": format!("Task {round}.{number}"), "reason": "to be killed" });
                let Ok(result) = call(&client, "create_task", new).await else { break };
                made.send(result.structured_content.unwrap()).unwrap();
            }
        });
        for _ in 0..3 {
            acknowledged.push(answers.recv().await.unwrap());
        }
        // In the middle of another, at another point each time.
        tokio::time::sleep(std::time::Duration::from_millis(7 + 13 * round)).await;
        // SIGKILL.
        process.child.kill().await.unwrap();
        // The client waits for an answer that nobody gives.
        writing.abort();
        while let Some(task) = answers.recv().await {
            acknowledged.push(task);
        }
        process = Process::start(&free, data.path()).await;
        assert!(process.key.is_none(), "one key, at the first start only");
    }
    assert!(acknowledged.len() >= 9, "it wrote before it was killed");
    let client = connect(&process.url, &key).await;
    let record = data.path().join("audit.jsonl");
    let chain = files(&record).unwrap();
    let report = Verify::default().files(&chain, |_| {}).expect("the chain is whole after each kill");
    assert!(report.records as usize > 2 * acknowledged.len());
    let record = std::fs::read_to_string(&record).unwrap();
    for task in &acknowledged {
        assert!(record.contains(task["title"].as_str().unwrap()), "what was done is recorded: {task}");
    }
    for task in &acknowledged {
        assert_eq!(&succeed(&client, "get_task", json!({ "task_id": task["id"] })).await, task);
    }
    // Every task that is there has its comment: both were written, or neither.
    let mut offset = 0;
    loop {
        let page =
            succeed(&client, "list_tasks", json!({ "search": "Task ", "limit": 100, "offset": offset }))
                .await;
        for task in page["items"].as_array().unwrap() {
            assert!(record.contains(task["title"].as_str().unwrap()), "recorded before it was done: {task}");
            let comments = succeed(&client, "list_task_comments", json!({ "task_id": task["id"] })).await;
            assert_eq!(comments["total"], 1, "{task}");
        }
        offset += 100;
        if page["has_more"] == false {
            break;
        }
    }
}
