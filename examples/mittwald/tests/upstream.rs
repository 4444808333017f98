//! The fake API, over HTTP: what the tools' client relies on, checked with types of the tests' own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod shapes;

use mittwald_mcp::fake::{FIRST_SERVER, Fake, READS_UNTIL_READY, SERVICE_TOKEN_ID, SPARE_TOKEN_ID};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn send(fake: &Fake, method: Method, path: &str, body: Option<Value>) -> Response {
    let request = Client::new()
        .request(method, format!("{}{path}", fake.url()))
        .header("x-access-token", fake.token().expose_secret());
    match body {
        Some(body) => request.json(&body).send().await.unwrap(),
        None => request.send().await.unwrap(),
    }
}

async fn get(fake: &Fake, path: &str) -> Value {
    let response = send(fake, Method::GET, path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_the_service_token_opens_it() {
    let fake = Fake::start("ada").await.unwrap();
    let url = format!("{}/projects", fake.url());
    let good = fake.token().expose_secret().to_owned();
    let client = Client::new();
    for (name, value, status) in [
        ("x-access-token", good.clone(), 200),
        ("authorization", format!("Bearer {good}"), 200),
        ("authorization", format!("bearer {good}"), 200),
        ("authorization", good.clone(), 401),
        ("x-access-token", format!("{good}x"), 401),
        ("x-access-token", String::new(), 401),
        ("accept", "application/json".to_owned(), 401),
    ] {
        let response = client.get(&url).header(name, &value).send().await.unwrap();
        assert_eq!(response.status(), status, "{name}");
        if status == 401 {
            shapes::problem(&response.json().await.unwrap());
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_documents_shape() {
    let fake = Fake::start("ada").await.unwrap();
    shapes::user(&get(&fake, "/users/self").await);
    for (path, check) in [
        ("/servers", shapes::server as fn(&Value)),
        ("/customers", shapes::customer),
        ("/projects", shapes::project),
    ] {
        let list = get(&fake, path).await;
        assert!(!list.as_array().unwrap().is_empty());
        list.as_array().unwrap().iter().for_each(check);
    }
    let servers = get(&fake, "/servers").await;
    assert_eq!(servers[0]["id"], FIRST_SERVER);
    let project = get(&fake, "/projects").await[0]["id"].as_str().unwrap().to_owned();
    shapes::project(&get(&fake, &format!("/projects/{project}")).await);
    for (collection, single, check) in [
        ("app-installations", "app-installations", shapes::app as fn(&Value)),
        ("mysql-databases", "mysql-databases", shapes::database),
    ] {
        let list = get(&fake, &format!("/projects/{project}/{collection}")).await;
        list.as_array().unwrap().iter().for_each(check);
        let id = list[0]["id"].as_str().unwrap();
        check(&get(&fake, &format!("/{single}/{id}")).await);
    }
}

#[tokio::test]
async fn two_fakes_begin_alike() {
    let (one, two) = (Fake::start("ada").await.unwrap(), Fake::start("ada").await.unwrap());
    for path in ["/users/self", "/servers", "/customers", "/projects"] {
        assert_eq!(get(&one, path).await, get(&two, path).await);
    }
    assert_ne!(one.token().expose_secret(), two.token().expose_secret());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let fake = Fake::start("ada").await.unwrap();
    let all = get(&fake, "/projects").await;
    let response = send(&fake, Method::GET, "/projects?limit=1&skip=1", None).await;
    assert_eq!(header(&response, "x-pagination-limit"), "1");
    assert_eq!(header(&response, "x-pagination-skip"), "1");
    assert_eq!(header(&response, "x-pagination-page"), "2");
    assert_eq!(header(&response, "x-pagination-totalcount"), "3");
    assert_eq!(response.json::<Value>().await.unwrap(), json!([all[1]]));
    let past = send(&fake, Method::GET, "/projects?skip=3", None).await;
    assert_eq!(past.json::<Value>().await.unwrap(), json!([]));
    for query in ["limit=0", "limit=1001", "limit=x", "skip=-1", "limit=1&skip=99999999999999999999999"] {
        let response = send(&fake, Method::GET, &format!("/projects?{query}"), None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        shapes::validation(&response.json().await.unwrap());
    }
}

#[tokio::test]
async fn what_is_created_becomes_ready_by_being_read_and_can_be_deleted() {
    let fake = Fake::start("ada").await.unwrap();
    let path = format!("/servers/{FIRST_SERVER}/projects");
    let response = send(&fake, Method::POST, &path, Some(json!({ "description": "New" }))).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let project = response.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let body = json!({
        "database": { "description": "New", "version": "8.0" },
        "user": { "password": "Secret-123", "accessLevel": "full" },
    });
    let path = format!("/projects/{project}/mysql-databases");
    let response = send(&fake, Method::POST, &path, Some(body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let created: Value = response.json().await.unwrap();
    assert!(created["userId"].is_string());
    let database = created["id"].as_str().unwrap().to_owned();
    for (path, pending) in
        [(format!("/projects/{project}"), "preparing"), (format!("/mysql-databases/{database}"), "pending")]
    {
        for _ in 0..READS_UNTIL_READY {
            let object = get(&fake, &path).await;
            assert_eq!((&object["status"], &object["isReady"]), (&json!(pending), &json!(false)));
        }
        let object = get(&fake, &path).await;
        assert_eq!((&object["status"], &object["isReady"]), (&json!("ready"), &json!(true)));
    }
    assert_eq!(get(&fake, "/customers").await[0]["projectCount"], 4);
    let response = send(&fake, Method::DELETE, &format!("/projects/{project}"), None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for path in [format!("/projects/{project}"), format!("/mysql-databases/{database}")] {
        let response = send(&fake, Method::GET, &path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        shapes::problem(&response.json().await.unwrap());
    }
}

#[tokio::test]
async fn an_app_changes_and_goes() {
    let fake = Fake::start("ada").await.unwrap();
    let project = get(&fake, "/projects").await[0]["id"].as_str().unwrap().to_owned();
    let apps = get(&fake, &format!("/projects/{project}/app-installations")).await;
    let path = format!("/app-installations/{}", apps[0]["id"].as_str().unwrap());
    let body = json!({ "description": "Blog", "customDocumentRoot": "/public" });
    assert_eq!(send(&fake, Method::PATCH, &path, Some(body)).await.status(), StatusCode::NO_CONTENT);
    let app = get(&fake, &path).await;
    shapes::app(&app);
    assert_eq!((&app["description"], &app["customDocumentRoot"]), (&json!("Blog"), &json!("/public")));
    assert_eq!(send(&fake, Method::DELETE, &path, None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(send(&fake, Method::GET, &path, None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_input_is_named_field_by_field() {
    let fake = Fake::start("ada").await.unwrap();
    let project = get(&fake, "/projects").await[0]["id"].as_str().unwrap().to_owned();
    let app = get(&fake, &format!("/projects/{project}/app-installations")).await[0]["id"].clone();
    let app = app.as_str().unwrap();
    for (method, path, body, fields) in [
        (Method::POST, format!("/servers/{FIRST_SERVER}/projects"), json!({}), vec!["description"]),
        (
            Method::POST,
            format!("/projects/{project}/mysql-databases"),
            json!({ "database": { "version": "4" }, "user": { "password": "weak", "accessLevel": "root" } }),
            vec!["database.description", "database.version", "user.accessLevel", "user.password"],
        ),
        (
            Method::PATCH,
            format!("/app-installations/{app}"),
            json!({ "description": "", "customDocumentRoot": "/a/../b" }),
            vec!["description", "customDocumentRoot"],
        ),
    ] {
        let response = send(&fake, method, &path, Some(body)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(shapes::validation(&response.json().await.unwrap()), fields);
    }
    let response =
        send(&fake, Method::POST, &format!("/servers/{FIRST_SERVER}/projects"), Some(json!([]))).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    for path in
        ["/projects/none", "/app-installations/none", "/mysql-databases/none", "/users/none", "/nowhere"]
    {
        let response = send(&fake, Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        shapes::problem(&response.json().await.unwrap());
    }
}

#[tokio::test]
async fn over_the_limit_is_429_until_it_is_lifted() {
    let fake = Fake::start("ada").await.unwrap();
    fake.limit_requests(Some(2));
    for left in ["1", "0"] {
        let response = send(&fake, Method::GET, "/servers", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "x-ratelimit-limit"), "2");
        assert_eq!(header(&response, "x-ratelimit-remaining"), left);
    }
    let response = send(&fake, Method::GET, "/servers", None).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "x-ratelimit-reset"), "1");
    let problem: Value = response.json().await.unwrap();
    shapes::problem(&problem);
    assert_eq!(problem["type"], "RateLimitError");
    fake.limit_requests(None);
    get(&fake, "/servers").await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let fake = Fake::start("ada").await.unwrap();
    let revoke = |id: &str| format!("/users/self/api-tokens/{id}");
    assert_eq!(
        send(&fake, Method::DELETE, &revoke(SPARE_TOKEN_ID), None).await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        send(&fake, Method::DELETE, &revoke(SPARE_TOKEN_ID), None).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        send(&fake, Method::DELETE, &revoke(SERVICE_TOKEN_ID), None).await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(send(&fake, Method::GET, "/users/self", None).await.status(), StatusCode::UNAUTHORIZED);
}
