#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{ComposeError, MAX_BYTES, read};

const FILE: &str = "
version: '3'
services:
  web:
    image: nginx:alpine
    command: nginx -g daemon
    ports: [8080, 80:8080, '53:53/udp']
    volumes:
      - data:/usr/share/nginx
      - /home/p-000001/html:/html
    restart: no
  worker:
    image: node:22
    command: [node, -e, 'print(\"$$x\")']
    entrypoint: []
    environment: { PORT: 3000, VERSION: 1.10, DEBUG: true, PRICE: 5$$ }
    deploy: { resources: { limits: { cpus: 0.5, memory: 512m } } }
  other:
    image: node:22
    environment:
      - KEY=a=b
      - EMPTY=
volumes:
  data:
  more: {}
";

#[test]
fn a_file_becomes_a_declaration() {
    assert_eq!(
        serde_json::to_value(read(FILE).unwrap()).unwrap(),
        json!({
            "services": {
                "web": {
                    "image": "nginx:alpine", "description": "web", "command": ["nginx", "-g", "daemon"],
                    "ports": ["8080:8080/tcp", "80:8080/tcp", "53:53/udp"],
                    "volumes": ["data:/usr/share/nginx", "/home/p-000001/html:/html"],
                    "restartPolicy": "no",
                },
                "worker": {
                    "image": "node:22", "description": "worker", "command": ["node", "-e", "print(\"$x\")"],
                    "entrypoint": [],
                    "environment": { "PORT": "3000", "VERSION": "1.10", "DEBUG": "true", "PRICE": "5$" },
                    "deploy": { "resources": { "limits": { "cpus": "0.5", "memory": "512m" } } },
                },
                "other": {
                    "image": "node:22", "description": "other",
                    "environment": { "KEY": "a=b", "EMPTY": "" },
                },
            },
            "volumes": { "data": { "name": "data" }, "more": { "name": "more" } },
        })
    );
    assert!(!format!("{:?}", read(FILE).unwrap()).contains("3000"), "environments are not shown");
}

#[test]
fn what_is_not_understood_is_named() {
    let with = |line: &str| format!("services:\n  web:\n    image: nginx\n    {line}\n");
    for (file, said) in [
        (with("build: ."), "build"),
        (with("privileged: true"), "privileged"),
        (with("env_file: .env"), "env_file"),
        (with("network_mode: host"), "network_mode"),
        (with("depends_on: [db]"), "depends_on"),
        (with("image: twice"), "duplicate"),
        (with("restart: sometimes"), "`sometimes`"),
        (with("ports: ['127.0.0.1:80:80']"), "`127.0.0.1:80:80`"),
        (with("ports: ['80-90:80-90']"), "`80-90:80-90`"),
        (with("ports: ['0:80']"), "`0:80`"),
        (with("ports: ['+1:80']"), "`+1:80`"),
        (with("ports: ['80:80/sctp']"), "`80:80/sctp`"),
        (with("ports: [{ target: 80 }]"), "not understood"),
        (with("volumes: ['./a:/b']"), "`./a:/b`"),
        (with("volumes: ['/a/../../etc:/b']"), "`/a/../../etc:/b`"),
        (with("volumes: ['/var/run/docker.sock:/b:ro']"), "docker.sock:/b:ro`"),
        (with("volumes: ['data:/b']"), "`data` that is not among"),
        (with("volumes: ['data']"), "`data`"),
        (with("command: sh -c 'a b'"), "list of words"),
        (with("command: 5"), "not understood"),
        (with("environment: [HOME]"), "`HOME`"),
        (with("environment: { HOME: }"), "`HOME`"),
        (with("environment: [A=1, A=2]"), "two values"),
        (with("environment: { 'A B': 1 }"), "`A B`"),
        (with("environment: { A: '${B}' }"), "variable"),
        (with("environment: { A: '$$$B' }"), "variable"),
        (with(r#"environment: { A: "a\0b" }"#), "zero byte"),
        (with("deploy: { replicas: 2, resources: { limits: {} } }"), "replicas"),
        (with("deploy: { resources: { limits: { cpus: inf } } }"), "`inf`"),
        (with("deploy: { resources: { limits: { memory: 5tb } } }"), "`5tb`"),
        ("services: { web: { image: 'a b' } }".to_owned(), "image"),
        ("services: { web: {} }".to_owned(), "image"),
        ("services: { 'a/b': { image: a } }".to_owned(), "`a/b`"),
        (format!("services: {{ {}: {{ image: a }} }}", "a".repeat(64)), "name"),
        ("services: {}".to_owned(), "no services"),
        ("version: '3'".to_owned(), "no services"),
        (String::new(), ""),
        ("services: { web: { image: a } }\nnetworks: {}".to_owned(), "networks"),
        ("services: { web: { image: a } }\nvolumes: { d: { driver: nfs } }".to_owned(), "driver"),
        ("services: { web: { image: a } }\n---\nservices: {}".to_owned(), "not understood"),
        ("- services".to_owned(), "not understood"),
        ("services: [".to_owned(), "not understood"),
        ("include: [other.yml]".to_owned(), "include"),
    ] {
        let error = read(&file).unwrap_err().to_string();
        assert!(error.contains(said), "{file}: {error}");
    }
}

#[test]
fn nothing_can_be_blown_up() {
    assert_eq!(read(&" ".repeat(MAX_BYTES + 1)), Err(ComposeError::TooLong));
    let many: String = (0..51).map(|number| format!("  s{number}: {{ image: a }}\n")).collect();
    assert_eq!(read(&format!("services:\n{many}")), Err(ComposeError::TooMany));
    let entries: String = (0..9000).map(|number| format!("{number},")).collect();
    for file in [
        "version: [&a [x, x], &b [*a, *a], &c [*b, *b]]\nservices: { web: { image: a } }".to_owned(),
        "services: { web: { image: &a a, command: [*a] } }".to_owned(),
        "services: { web: &web { image: a } }".to_owned(),
        "services: { web: { image: a, <<: { restart: always } } }".to_owned(),
        format!("services: {{ web: {{ image: a, command: {}{} }} }}", "[".repeat(5000), "]".repeat(5000)),
        format!("version: {}{}", "[".repeat(60), "]".repeat(60)),
        format!("services: {{ web: {{ image: a, command: [{entries}] }} }}"),
    ] {
        let error = read(&file).unwrap_err();
        assert!(matches!(error, ComposeError::Yaml(_)), "{error}");
    }
}
