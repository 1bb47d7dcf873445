//! Where the values of large jobs are kept until they are merged.

use super::{CONNECTION_EXAMPLE as STORAGE_EXAMPLE, reader::Reader};
use crate::{
    scratch::ScratchSettings,
    tables::{Connection, TableName},
};

/// A table that the app uses for something else.
pub(super) type Taken<'a> = (Option<&'a Connection>, Option<&'a TableName>);

/// Without a storage of its own, the table is where the audit table is.
pub(super) fn read(
    reader: &mut Reader<impl Fn(&str) -> Option<String>>,
    audit: Taken<'_>,
    sessions: Taken<'_>,
) -> Option<ScratchSettings> {
    let own = reader.optional("ScratchStorage", STORAGE_EXAMPLE, Connection::parse);
    let storage = own.or_else(|| audit.0.cloned());
    let table = reader.or_default("ScratchTable", "auditscratch", |text| {
        let name = TableName::parse(text)
            .ok_or("expected the name of a table (3 to 63 letters and digits, a letter first)")?;
        // The app removes rows from it.
        let is_taken = |(of, taken): Taken<'_>| {
            let is_there = |it: &Connection| of.is_some_and(|of| it.is_same_account_as(of));
            storage.as_ref().is_some_and(is_there)
                && taken.is_some_and(|taken| name.is_same_as(taken))
        };
        match is_taken(audit) || is_taken(sessions) {
            true => Err("expected another table than AuditTable and SessionTable"),
            false => Ok(name),
        }
    });
    Some(ScratchSettings {
        storage: storage?,
        table: table?,
    })
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn the_scratch_table_is_where_the_audit_table_is_unless_it_has_a_storage_of_its_own() {
        let settings = Settings::for_test(&[]);
        assert_eq!(settings.scratch.storage, settings.storage);
        assert_eq!(settings.scratch.table.as_str(), "auditscratch");
        let own = Settings::for_test(&[
            ("ScratchStorage", "AccountName=myaccount;AccountKey=YWJj"),
            // In another account.
            ("ScratchTable", "audit"),
        ]);
        assert_ne!(own.scratch.storage, own.storage);
    }

    #[test]
    fn a_table_that_the_app_uses_for_something_else_is_refused() {
        for taken in ["audit", "Audit"] {
            let text = Settings::problem_for_test("ScratchTable", taken);
            let expected = "ScratchTable: expected another table than AuditTable and SessionTable";
            assert!(text.contains(expected), "{text}");
        }
        let read = |name: &str| {
            Settings::read(|asked| match asked {
                "AuditStorage" => Some("UseDevelopmentStorage=true".to_owned()),
                "SessionStore" => Some("table".to_owned()),
                "SessionTable" => Some("sessions".to_owned()),
                "ScratchTable" => Some(name.to_owned()),
                _ => None,
            })
        };
        assert!(read("sessions").is_err());
        assert!(read("scratch").is_ok());
    }

    #[test]
    fn a_table_is_taken_whatever_the_credentials_are() {
        let read = |table: &str| {
            Settings::read(|asked| match asked {
                "AuditStorage" => Some("AccountName=myaccount;AccountKey=YWJj".to_owned()),
                "ScratchStorage" => Some(
                    "AccountName=myaccount;SharedAccessSignature=sig=c3;\
                     TableEndpoint=https://myaccount.table.core.windows.net"
                        .to_owned(),
                ),
                "ScratchTable" => Some(table.to_owned()),
                _ => None,
            })
        };
        let text = read("audit").unwrap_err().to_string();
        assert!(
            text.contains("expected another table than AuditTable"),
            "{text}"
        );
        assert!(read("scratch").is_ok());
    }
}
