//! What a client lives through.

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, InsufficientScopeError, StreamableHttpClientTransportConfig,
};
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::json;

use crate::{Fixture, Serve, parameter};

async fn connect(
    fixture: &Fixture,
    token: Option<String>,
    modern: bool,
) -> Result<RunningService<RoleClient, ()>, ClientInitializeError> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(fixture.url());
    config.auth_header = token;
    let transport = StreamableHttpClientTransport::from_config(config);
    let mode = if modern {
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
    } else {
        ClientLifecycleMode::Initialize
    };
    ().serve_with_lifecycle(transport, mode).await
}

/// The cause of this type, in a chain of errors.
fn cause<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// An rmcp client in both eras: 401, token, 200, 403, step-up, 200.
pub async fn a_client_is_led_to_what_it_may<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for modern in [true, false] {
        let refused = connect(&fixture, None, modern).await.expect_err("there is no token");
        let challenge: &AuthRequiredError = match &refused {
            ClientInitializeError::TransportError { error, .. } => cause(error.error.as_ref()).unwrap(),
            other => panic!("{other}"),
        };
        let scope = parameter(&challenge.www_authenticate_header, "scope");
        assert_eq!(scope, "notes:read");

        let client = connect(&fixture, Some(fixture.ada(&scope).sign()), modern).await.unwrap();
        let tools = client.list_all_tools().await.unwrap();
        assert!(tools.iter().any(|tool| tool.name == "delete_note"));
        assert!(!tools.iter().any(|tool| tool.name == "purge"), "hidden");
        client.call_tool(CallToolRequestParams::new("list_notes")).await.unwrap();
        assert_eq!(fixture.ran.take(), ["list_notes"]);

        let delete = CallToolRequestParams::new("delete_note")
            .with_arguments(json!({ "id": "1" }).as_object().unwrap().clone());
        let refused = client.call_tool(delete.clone()).await.expect_err("the scope is missing");
        let step_up: &InsufficientScopeError = match &refused {
            ServiceError::TransportSend(error) => cause(error.error.as_ref()).unwrap(),
            other => panic!("{other}"),
        };
        fixture.nothing_ran();
        let scope = step_up.required_scope.clone().unwrap();
        // Clients of the legacy era ask for exactly what they are told, so that nothing that was granted may be missing.
        assert_eq!(scope, if modern { "notes:delete" } else { "notes:delete notes:read" });

        let token = fixture.ada(&format!("notes:read {scope}")).sign();
        let client = connect(&fixture, Some(token), modern).await.unwrap();
        client.call_tool(delete).await.unwrap();
        assert_eq!(fixture.ran.take(), ["delete_note 1"]);
    }
}
