// Smart Forms' renderer with the Questionnaire that the page holds, as its documentation shows it.
import { BaseRenderer, RendererThemeProvider, useBuildForm, useRendererQueryClient } from '@aehrc/smart-forms-renderer'
import { QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'

function Form ({ questionnaire }) {
  const client = useRendererQueryClient()
  const building = useBuildForm({ questionnaire })
  if (building) return null
  return (
    <RendererThemeProvider>
      <QueryClientProvider client={client}><BaseRenderer /></QueryClientProvider>
    </RendererThemeProvider>
  )
}

const questionnaire = JSON.parse(document.getElementById('questionnaire').textContent)
createRoot(document.getElementById('form')).render(<Form questionnaire={questionnaire} />)
