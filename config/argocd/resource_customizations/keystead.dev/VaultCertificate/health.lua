-- Generated from tools/generate/argocd by npm run generate. Do not edit.
-- Says to Argo CD what `kubectl wait --for=condition=Ready` and kstatus say of a Keystead resource. Only what Lua 5.1 has
-- without its string library: that is what Argo CD lets a script use.

-- Reasons that end when another resource comes. Degraded would fail a sync of several waves that brings it.
local waiting = {
  CaNotFound = true,
  CaNotReady = true,
  IssuerNotAllowed = true,
  IssuerNotFound = true,
  MergeNotAllowed = true,
  NamespaceMissing = true,
  RecordChanged = true,
  SourceMissing = true,
  SyncNotAllowed = true,
  TargetDeleting = true,
  VaultNotFound = true,
  VaultNotReady = true,
  WaitingForValue = true,
}

local function answer(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}
if status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "Waiting for the Keystead operator")
end

local ready, stalled, reconciling
for _, condition in ipairs(status.conditions) do
  if condition.type == "Ready" then ready = condition end
  if condition.type == "Stalled" then stalled = condition end
  if condition.type == "Reconciling" then reconciling = condition end
end

if stalled ~= nil and stalled.status == "True" then
  return answer("Degraded", stalled.message)
end
if ready == nil then
  return answer("Progressing", "Waiting for the Keystead operator")
end
if ready.status == "True" then
  return answer("Healthy", ready.message)
end
if ready.status ~= "False" or (reconciling ~= nil and reconciling.status == "True") or waiting[ready.reason] then
  return answer("Progressing", ready.message)
end
return answer("Degraded", ready.message)
