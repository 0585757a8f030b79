//! The fixture of a service that the checker has to find and start.

use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use model::Problem;

use crate::find::{self, Service};
use crate::fixture::{Console, Fixture, Part, Running, TrafficKind, Variable};

/// The fixture backed by the service `S`.
pub struct Backed<S>(pub PhantomData<fn() -> S>);

impl<S: Service> Fixture for Backed<S> {
    fn name(&self) -> &'static str {
        S::KIND.name
    }

    fn variables(&self) -> &'static [Variable] {
        S::VARIABLES
    }

    fn traffic(&self) -> Option<TrafficKind> {
        S::TRAFFIC
    }

    fn disturbed(&self) -> &'static str {
        S::DISTURBED
    }

    fn start<'a>(
        &'a self,
        root: &'a Path,
        console: &'a mut dyn Console,
    ) -> LocalBoxFuture<'a, Result<Box<dyn Running>, Problem>> {
        async move { Ok(Box::new(find::first::<S>(root, console).await?) as Box<dyn Running>) }.boxed_local()
    }

    fn start_at_hand<'a>(&'a self, console: &'a mut dyn Console) -> LocalBoxFuture<'a, Option<Box<dyn Running>>> {
        async move { Some(Box::new(find::at_hand::<S>(console).await?) as Box<dyn Running>) }.boxed_local()
    }

    fn availability(&self) -> Option<LocalBoxFuture<'_, Result<String, Problem>>> {
        Some(find::outlook::<S>().boxed_local())
    }
}

impl<S: Service> Running for S {
    fn isolate(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>> {
        Service::isolate(self).boxed_local()
    }

    fn lend(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>> {
        Service::lend(self).boxed_local()
    }

    fn describe(&self) -> String {
        format!("{} {}", S::KIND.name, Service::describe(self))
    }

    fn stopped_by_itself(&mut self) -> LocalBoxFuture<'_, String> {
        async move {
            match self.private_server() {
                Some(server) => format!("{} {}", S::KIND.name, server.ended().await),
                None => std::future::pending().await,
            }
        }
        .boxed_local()
    }

    fn stop(mut self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        async move {
            if let Some(server) = self.private_server().take() {
                server.stop().await;
            }
        }
        .boxed_local()
    }
}
