//! Statements with their parameters, and several of them as one.

use std::error::Error;
use std::sync::Arc;

use bytes::BytesMut;
use chrono::{DateTime, Utc};
use strongroom_domain::entity_tag::EntityTag;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::sql;
use crate::sql::Insert;

type Param<'a> = &'a (dyn ToSql + Sync);

/// A statement with its parameters.
pub(crate) struct Bound<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: Vec<Param<'a>>,
}

impl Bound<'_> {
    /// The text of a query that is a transaction of its own; its scope is one more parameter.
    pub(crate) fn alone(&self) -> String {
        sql::alone(self.sql, self.params.len())
    }
}

impl Insert {
    /// The statements that insert rows whose parameters stand one after another in `params`.
    pub(crate) fn bound<'a>(&self, mut params: &[Param<'a>]) -> Vec<Bound<'a>> {
        let mut statements = Vec::new();
        while !params.is_empty() {
            let (rows, sql) = self.for_rows(params.len() / self.columns);
            let (now, rest) = params.split_at(rows * self.columns);
            let params_now = now.to_vec();
            statements.push(Bound {
                sql,
                params: params_now,
            });
            params = rest;
        }
        statements
    }
}

/// A parameter's value: borrowed, or small enough to be held itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Ref(Param<'a>),
    Text(&'a str),
    Uuid(Uuid),
    Tag(Tag),
}

/// The entity tag of a row that is written without one. Lists compute it.
pub(crate) const NO_TAG: Option<&[u8]> = None;
/// The time of a row that has none.
pub(crate) const NO_TIME: Option<DateTime<Utc>> = None;
/// The text of a row that has none.
pub(crate) const NO_TEXT: Option<&str> = None;

/// An entity tag as a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag(pub(crate) EntityTag);

impl ToSql for Tag {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.bytes().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&[u8] as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

impl<'a> Value<'a> {
    fn param(&self) -> Param<'_> {
        match self {
            Self::Ref(value) => *value,
            Self::Text(value) => value,
            Self::Uuid(value) => value,
            Self::Tag(value) => value,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.param().to_sql_checked(kind, out)
    }

    // The types that the value accepts are known of the inner value alone, and checked in `to_sql`.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A part of a transaction that needs no answer before the commit.
pub(crate) enum Step<'a> {
    /// Inserts rows whose values stand one after another.
    Insert(&'static Insert, Vec<Value<'a>>),
    /// Fails unless each organization's active generation is the one at the same place: see
    /// [`sql::CHECK_GENERATIONS`]. It is not looked up in the epoch in which they were `checked`.
    CheckGenerations {
        used: [Param<'a>; 2],
        checked: &'a Option<Uuid>,
    },
    /// Fails unless the stamps of uses are current: see [`sql::CHECK_USES`].
    CheckUses([Param<'a>; 3]),
}

impl<'a> Step<'a> {
    /// Inserts rows whose parameters stand one after another.
    pub(crate) fn insert(insert: &'static Insert, params: Vec<Param<'a>>) -> Self {
        Self::Insert(insert, params.into_iter().map(Value::Ref).collect())
    }

    /// The statements of the step, one after another.
    pub(crate) fn statements(&self) -> Vec<Bound<'_>> {
        match self {
            Step::Insert(insert, values) => {
                let params: Vec<_> = values.iter().map(Value::param).collect();
                insert.bound(&params)
            }
            Step::CheckGenerations { used, .. } => vec![Bound {
                sql: sql::CHECK_GENERATIONS,
                params: used.to_vec(),
            }],
            Step::CheckUses(uses) => vec![Bound {
                sql: sql::CHECK_USES,
                params: uses.to_vec(),
            }],
        }
    }
}

/// Steps as one statement, which is a transaction of its own: see [`sql::together`].
pub(crate) struct Together<'a> {
    pub(crate) sql: Arc<str>,
    scope: Param<'a>,
    columns: Vec<Column<'a>>,
    generations: Option<[Param<'a>; 3]>,
    uses: Option<[Param<'a>; 3]>,
}

/// A row's value, or an array of the values of several rows.
enum Column<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
}

impl<'a> Together<'a> {
    pub(crate) fn of(scope: &'a (impl ToSql + Sync), steps: &[Step<'a>]) -> Self {
        let (mut inserts, mut columns) = (Vec::new(), Vec::new());
        let (mut generations, mut uses) = (None, None);
        for step in steps {
            match step {
                Step::Insert(insert, values) => {
                    inserts.push((*insert, values.len() / insert.columns));
                    columns.extend(Column::of_rows(values, insert.columns));
                }
                Step::CheckGenerations { used, checked } => {
                    generations = Some([*checked, used[0], used[1]]);
                }
                Step::CheckUses(used) => uses = Some(*used),
            }
        }
        let checks = sql::Checks {
            generations: generations.is_some(),
            uses: uses.is_some(),
        };
        Self {
            sql: sql::together(&inserts, checks),
            scope,
            columns,
            generations,
            uses,
        }
    }

    pub(crate) fn params(&self) -> Vec<Param<'_>> {
        let columns = self.columns.iter().map(|column| -> Param<'_> {
            match column {
                Column::One(value) => value.param(),
                Column::Many(values) => values,
            }
        });
        let generations = self.generations.iter().flatten().copied();
        let uses = self.uses.iter().flatten().copied();
        std::iter::once(self.scope)
            .chain(columns)
            .chain(generations)
            .chain(uses)
            .collect()
    }
}

impl<'a> Column<'a> {
    fn of_rows(values: &[Value<'a>], columns: usize) -> impl Iterator<Item = Self> {
        (0..columns).map(move |column| match values.len() == columns {
            true => Self::One(values[column]),
            false => Self::Many(
                values
                    .iter()
                    .skip(column)
                    .step_by(columns)
                    .copied()
                    .collect(),
            ),
        })
    }
}
