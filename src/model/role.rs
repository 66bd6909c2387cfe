//! Who may do what. Code asks for a permission, never for a role.
use Permission as P;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Role {
    Owner,
    Admin,
    Editor,
    Authorizer,
    Viewer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    SeeAuthorizers,
    /// Choose an authorizer in a source or destination, load its choices, read test data.
    UseAuthorizers,
    TestAuthorizers,
    /// Authorize, reauthorize, edit.
    EditAuthorizers,
    RevokeAuthorizers,
    DeleteAuthorizers,
    /// Switch an authorizer to another account.
    SwitchAccounts,
    ManageOAuthApps,
    /// Say where else notices go.
    ManageWebhooks,
    SeeFlows,
    EditFlows,
    /// Ask for an account that is not there.
    RequestAccounts,
    AnswerRequests,
    SeeActivity,
    ManageMembers,
    /// Make, change or deactivate an Owner.
    ManageOwners,
    /// See broken service files and the answers of providers.
    Administer,
}

const VIEWER: &[P] = &[P::SeeAuthorizers, P::SeeFlows, P::SeeActivity];
const EDITOR: &[P] = &[
    P::SeeAuthorizers,
    P::SeeFlows,
    P::SeeActivity,
    P::UseAuthorizers,
    P::TestAuthorizers,
    P::EditFlows,
    P::RequestAccounts,
];
const AUTHORIZER: &[P] = &[
    P::SeeAuthorizers,
    P::SeeFlows,
    P::SeeActivity,
    P::UseAuthorizers,
    P::TestAuthorizers,
    P::EditAuthorizers,
    P::RevokeAuthorizers,
    P::DeleteAuthorizers,
    P::AnswerRequests,
];

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Admin, Self::Editor, Self::Authorizer, Self::Viewer];

    pub fn may(self, permission: Permission) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => permission != P::ManageOwners,
            Self::Editor => EDITOR.contains(&permission),
            Self::Authorizer => AUTHORIZER.contains(&permission),
            Self::Viewer => VIEWER.contains(&permission),
        }
    }

    /// As stored and as sent by forms.
    pub fn code(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Authorizer => "authorizer",
            Self::Viewer => "viewer",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}
