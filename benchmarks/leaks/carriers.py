"""Files of many languages into which a secret is planted: what stands around it is ordinary code.

`@NAME@` is what the author would call the secret, `@VALUE@` the secret. One carrier a language.
"""

CARRIERS: dict[str, str] = {
    "billing/client.py": '''"""Client of the billing service."""
import logging

import requests

log = logging.getLogger(__name__)

BASE = "https://billing.example.net/v2"
@NAME@ = "@VALUE@"


def invoices(customer: str, *, limit: int = 50) -> list[dict]:
    answer = requests.get(f"{BASE}/invoices", params={"customer": customer, "limit": limit}, timeout=10)
    answer.raise_for_status()
    return answer.json()["items"]
''',
    "src/config.js": """'use strict';
const path = require('path');

module.exports = {
  port: process.env.PORT || 3000,
  root: path.join(__dirname, '..', 'public'),
  @NAME@: '@VALUE@',
  cacheSeconds: 3600,
  locales: ['de', 'en', 'fr'],
};
""",
    "src/api.ts": """import { Injectable } from '@angular/core';
import { HttpClient } from '@angular/common/http';
import { Observable } from 'rxjs';

@Injectable({ providedIn: 'root' })
export class OrdersService {
  private readonly @NAME@: string = '@VALUE@';

  constructor(private http: HttpClient) {}

  list(page = 1): Observable<Order[]> {
    return this.http.get<Order[]>(`/api/orders?page=${page}`);
  }
}
""",
    "src/main/java/net/example/Mailer.java": """package net.example;

import java.net.URI;
import java.net.http.HttpClient;

public final class Mailer {
    private static final URI ENDPOINT = URI.create("https://mail.example.net/send");
    private static final String @NAME@ = "@VALUE@";
    private final HttpClient client = HttpClient.newHttpClient();

    public boolean send(String to, String subject) {
        return to.contains("@") && !subject.isBlank();
    }
}
""",
    "app/src/main/kotlin/Upload.kt": """package net.example.upload

object Upload {
    const val BUCKET = "media-eu-1"
    private const val @NAME@ = "@VALUE@"

    fun target(name: String): String = "$BUCKET/${name.lowercase()}"
}
""",
    "internal/store/store.go": """package store

import (
	"context"
	"database/sql"
	"fmt"
)

const @NAME@ = "@VALUE@"

// Open connects and checks that the schema is the expected one.
func Open(ctx context.Context, name string) (*sql.DB, error) {
	db, err := sql.Open("pgx", name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return db, db.PingContext(ctx)
}
""",
    "src/lib.rs": """use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const @NAME@: &str = "@VALUE@";

pub fn retries(attempt: u32) -> Duration {
    TIMEOUT.saturating_mul(2u32.saturating_pow(attempt.min(6)))
}
""",
    "Services/Reports.cs": """using System.Net.Http;
using System.Threading.Tasks;

namespace Example.Services
{
    public class Reports
    {
        private const string @NAME@ = "@VALUE@";
        private readonly HttpClient _http = new HttpClient();

        public Task<string> Monthly(int year, int month) =>
            _http.GetStringAsync($"https://reports.example.net/{year}/{month:00}");
    }
}
""",
    "src/upload.cpp": """#include <cstdint>
#include <string>
#include <vector>

static const std::string kHost = "upload.example.net";
static const char *@NAME@ = "@VALUE@";

std::uint32_t adler(const std::vector<std::uint8_t> &data) {
    std::uint32_t a = 1, b = 0;
    for (auto byte : data) { a = (a + byte) % 65521; b = (b + a) % 65521; }
    return (b << 16) | a;
}
""",
    "include/keys.h": """#ifndef EXAMPLE_KEYS_H
#define EXAMPLE_KEYS_H

#define EXAMPLE_TIMEOUT_MS 2500
#define @NAME@ "@VALUE@"

#endif
""",
    "config/settings.php": """<?php
return [
    'debug' => false,
    'timezone' => 'Europe/Berlin',
    '@NAME@' => '@VALUE@',
    'mail' => ['from' => 'shop@example.net'],
];
""",
    "config/initializers/services.rb": """# frozen_string_literal: true

Rails.application.config.to_prepare do
  Services.configure do |config|
    config.timeout = 5
    config.@NAME@ = '@VALUE@'
    config.logger = Rails.logger
  end
end
""",
    "Sources/App/Push.swift": """import Foundation

struct Push {
    static let topic = "net.example.app"
    private let @NAME@ = "@VALUE@"

    func url(for device: String) -> URL? {
        URL(string: "https://push.example.net/3/device/\\(device)")
    }
}
""",
    "scripts/deploy.sh": """#!/bin/sh
set -eu

REGION=eu-central-1
export @NAME@="@VALUE@"

echo "deploying to $REGION"
tar -czf - build | ssh deploy@host.example.net 'tar -xzf - -C /srv/app'
""",
    "tools/Sync.ps1": """param([string]$Target = 'staging')

$ErrorActionPreference = 'Stop'
$@NAME@ = '@VALUE@'

Get-ChildItem -Path .\\build -Recurse | ForEach-Object {
    Copy-Item $_.FullName -Destination "\\\\files\\$Target" -Force
}
""",
    "deploy/values.yaml": """replicas: 3
image:
  repository: registry.example.net/shop
  tag: 2026.10.1
env:
  LOG_LEVEL: info
  @NAME@: "@VALUE@"
resources:
  limits: {cpu: 500m, memory: 512Mi}
""",
    "config/production.json": """{
  "name": "shop",
  "listen": ["0.0.0.0:8080"],
  "@NAME@": "@VALUE@",
  "features": {"newCheckout": true, "recommendations": false}
}
""",
    "terraform/main.tf": """terraform {
  required_version = ">= 1.6"
}

provider "example" {
  region = "eu-central-1"
  @NAME@ = "@VALUE@"
}

resource "example_bucket" "media" {
  name = "media-eu-1"
}
""",
    ".env": """APP_ENV=production
APP_URL=https://shop.example.net
@NAME@=@VALUE@
LOG_CHANNEL=stack
""",
    "Dockerfile": """FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
ENV @NAME@=@VALUE@
COPY build /srv/app
CMD ["/srv/app/server"]
""",
    "src/main/resources/application.properties": """server.port=8080
spring.application.name=shop
service.@NAME@=@VALUE@
management.endpoints.web.exposure.include=health,info
""",
    "sql/seed.sql": """CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL);
INSERT INTO settings (name, value) VALUES ('currency', 'EUR');
INSERT INTO settings (name, value) VALUES ('@NAME@', '@VALUE@');
""",
    "notes/integration.md": """# Integration

The partner expects a call every night. Use this one for now, a better place for it comes later:

    @NAME@ = @VALUE@

Failures are retried five times, then somebody is called.
""",
    ".github/workflows/release.yml": """name: release
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    runs-on: ubuntu-latest
    env:
      @NAME@: @VALUE@
    steps:
      - uses: actions/checkout@v4
      - run: make publish
""",
}
