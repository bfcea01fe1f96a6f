from django.urls import path

from people.views import Introspected, Stateful, Stateless

urlpatterns = [
    path("api/stateless/", Stateless.as_view()),
    path("api/protected/", Stateful.as_view()),
    path("api/introspected/", Introspected.as_view()),
]
